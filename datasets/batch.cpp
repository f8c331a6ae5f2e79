#include "datasets/batch.h"

#include <torch/nn/functional/padding.h>
#include <torch/torch.h>

#include <algorithm>

namespace medsweep::datasets {
namespace {

torch::Tensor pad_to(const torch::Tensor& tensor, std::int64_t height, std::int64_t width,
                     double value) {
  if (!tensor.defined() || (tensor.size(-2) == height && tensor.size(-1) == width)) return tensor;
  return torch::constant_pad_nd(tensor, {0, width - tensor.size(-1), 0, height - tensor.size(-2)},
                                value);
}

/// Puts an image in its place in the batch, zeros around it.
void place_image(const torch::Tensor& image, torch::Tensor place) {
  if (image.data_ptr() == place.data_ptr()) return;
  if (image.sizes() != place.sizes()) place.zero_();
  place.narrow(1, 0, image.size(1)).narrow(2, 0, image.size(2)).copy_(image);
}

}  // namespace

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

Batch collate(const std::vector<Sample>& samples, std::int64_t multiple, std::int64_t channels,
              const Extent& at_least, const torch::Tensor& images) {
  Batch batch;
  if (samples.empty()) {
    batch.images = torch::zeros({0, channels, multiple, multiple});
    return batch;
  }
  std::int64_t height = round_up(at_least.height, multiple);
  std::int64_t width = round_up(at_least.width, multiple);
  for (const Sample& sample : samples) {
    height = std::max(height, round_up(sample.image.size(1), multiple));
    width = std::max(width, round_up(sample.image.size(2), multiple));
  }
  const std::vector<std::int64_t> shape{std::ssize(samples), samples[0].image.size(0), height,
                                        width};
  const bool fits = images.defined() && images.sizes() == shape;
  batch.images = fits ? images : torch::empty(shape, samples[0].image.options());
  for (const Sample& sample : samples) {
    place_image(sample.image, batch.images[std::ssize(batch.sizes)]);
    batch.sizes.push_back({sample.image.size(1), sample.image.size(2)});
    Targets targets;
    for (const auto& [task, target] : sample.targets)
      targets[task] = {pad_to(target.labels, height, width, static_cast<double>(kIgnored)),
                       target.instances};
    batch.targets.push_back(std::move(targets));
    batch.samples.push_back(sample.id);
    batch.random_keys.push_back(sample.random_key);
  }
  return batch;
}

Batch slice(const Batch& batch, std::int64_t first, std::int64_t last) {
  const auto part = [&](const auto& list) {
    return std::decay_t<decltype(list)>(list.begin() + first, list.begin() + last);
  };
  return {batch.images.slice(0, first, last), part(batch.sizes), part(batch.targets),
          part(batch.samples), part(batch.random_keys)};
}

}  // namespace medsweep::datasets
