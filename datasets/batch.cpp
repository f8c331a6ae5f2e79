#include "datasets/batch.h"

#include <fmt/format.h>
#include <torch/nn/functional/padding.h>
#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

using Sizes = std::vector<std::int64_t>;

/// [(D,) H, W] enlarged behind to `sides`.
torch::Tensor pad_to(const torch::Tensor& tensor, const Sizes& sides, double value) {
  if (!tensor.defined() || tensor.sizes() == sides) return tensor;
  Sizes padding;  // the last axis first
  for (std::size_t axis = sides.size(); axis-- > 0;)
    padding.insert(padding.end(), {0, sides[axis] - tensor.size(static_cast<std::int64_t>(axis))});
  return torch::constant_pad_nd(tensor, padding, value);
}

/// Puts an image in its place in the batch, zeros around it.
void place_image(const torch::Tensor& image, torch::Tensor place) {
  if (image.data_ptr() == place.data_ptr()) return;
  if (image.sizes() != place.sizes()) place.zero_();
  for (std::int64_t axis = 1; axis < image.dim(); ++axis)
    place = place.narrow(axis, 0, image.size(axis));
  place.copy_(image);
}

}  // namespace

Extent image_extent(const torch::Tensor& image) {
  return {image.size(-2), image.size(-1), image.dim() == 4 ? image.size(1) : 1};
}

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

Batch collate(const std::vector<Sample>& samples, std::int64_t multiple, std::int64_t channels,
              const Extent& at_least, const torch::Tensor& images) {
  Batch batch;
  if (samples.empty()) {
    Sizes shape(at_least.depth > 1 ? 5 : 4, multiple);
    shape[0] = 0;
    shape[1] = channels;
    batch.images = torch::zeros(shape);
    return batch;
  }
  Sizes sides{at_least.depth, at_least.height, at_least.width};
  if (samples[0].image.dim() == 3) sides.erase(sides.begin());
  for (std::size_t axis = 0; axis < sides.size(); ++axis) {
    for (const Sample& sample : samples)
      sides[axis] = std::max(sides[axis], sample.image.size(static_cast<std::int64_t>(axis) + 1));
    sides[axis] = round_up(sides[axis], multiple);
  }
  Sizes shape{std::ssize(samples), samples[0].image.size(0)};
  shape.insert(shape.end(), sides.begin(), sides.end());
  const bool fits = images.defined() && images.sizes() == shape;
  batch.images = fits ? images : torch::empty(shape, samples[0].image.options());
  for (const Sample& sample : samples) {
    place_image(sample.image, batch.images[std::ssize(batch.sizes)]);
    batch.sizes.push_back(image_extent(sample.image));
    Targets targets;
    for (const auto& [task, target] : sample.targets)
      targets[task] = {pad_to(target.labels, sides, static_cast<double>(kIgnored)),
                       target.instances};
    batch.targets.push_back(std::move(targets));
    batch.samples.push_back(sample.id);
    batch.random_keys.push_back(sample.random_key);
  }
  return batch;
}

Batch slice(const Batch& batch, std::int64_t first, std::int64_t last) {
  const auto part = [&](const auto& list) {
    if (first < 0 || first > last || last > std::ssize(list))
      throw std::invalid_argument(
          fmt::format("[batch] samples {} to {} of {}; those of the batch are allowed", first, last,
                      std::ssize(list)));
    return std::decay_t<decltype(list)>(list.begin() + first, list.begin() + last);
  };
  return {batch.images.slice(0, first, last), part(batch.sizes), part(batch.targets),
          part(batch.samples), part(batch.random_keys)};
}

}  // namespace medsweep::datasets
