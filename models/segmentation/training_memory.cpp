#include "models/segmentation/training_memory.h"

#include <torch/torch.h>

#include <algorithm>

#include "models/activation_memory.h"
#include "models/layers/random_layer.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kUnitOfAnySize = 64;

// Two square images, as some normalisations ask for, or a volume of square slices.
datasets::Batch blank_batch(std::int64_t channels, std::int64_t side, std::int64_t depth) {
  const std::int64_t count = depth > 1 ? 1 : 2;
  std::vector<std::int64_t> sides{side, side};
  if (depth > 1) sides.insert(sides.begin(), depth);
  datasets::Batch batch;
  for (std::int64_t i = 0; i < count; ++i) {
    batch.sizes.push_back({side, side, depth});
    batch.targets.push_back({{datasets::kSegmentation, {torch::zeros(sides, torch::kLong)}}});
    batch.samples.emplace_back();
    batch.random_keys.push_back(static_cast<std::uint64_t>(i));
  }
  sides.insert(sides.begin(), {count, channels});
  batch.images = torch::zeros(sides);
  return batch;
}

// One number in place of each kernel: what a forward keeps depends on the shapes alone. Returns the
// bytes of the kernels' copies in bfloat16, which a forward in that precision would make and keep.
std::int64_t let_go_of_kernels(SegmentationModel& model) {
  std::int64_t copies = 0;
  for (torch::Tensor& parameter : model.parameters()) {
    if (parameter.dim() < 2) continue;
    // Smaller ones may be used in single precision whatever autocast says.
    const bool is_copied = model.options().precision == Precision::kBf16 && parameter.dim() > 3;
    if (is_copied) copies += 2 * parameter.numel();
    const auto type = is_copied ? torch::kBFloat16 : torch::kFloat;
    parameter.set_data(torch::zeros({}, type).expand(parameter.sizes()));
  }
  return copies;
}

// What a step on a batch needs.
double bytes_of(SegmentationModel& model, const datasets::Batch& batch) {
  const auto loss = [&] { return model.loss(batch); };
  if (model.options().network_options.activations == Activations::kKept)
    return static_cast<double>(kept_bytes(loss));
  // Gradients are counted elsewhere: they are there already.
  for (torch::Tensor& parameter : model.parameters())
    parameter.mutable_grad() = torch::zeros_like(parameter);
  return static_cast<double>(step_bytes(loss, {}).peak);
}

}  // namespace

std::int64_t activation_bytes(SegmentationModel& model, MemoryLayout layout, std::int64_t channels,
                              std::int64_t samples, datasets::Extent size) {
  const bool keeps = model.options().network_options.activations == Activations::kKept;
  model.train();
  // What is dropped takes no memory of its own, and blocks may be larger than these small maps.
  for (const auto& layer : model.modules(/*include_self=*/false))
    if (dynamic_cast<const RandomLayer*>(layer.get()) != nullptr) layer->eval();
  model.expect_layout(layout);
  const std::int64_t copies = keeps ? let_go_of_kernels(model) : 0;
  // A network that takes any size is measured where its deepest maps are more than a few pixels.
  const std::int64_t unit = model.size_multiple() > 1 || size.depth > 1
                                ? std::max(model.size_multiple(), model.smallest_side())
                                : kUnitOfAnySize;
  const datasets::Batch small = blank_batch(channels, 2 * unit, size.depth),
                        large = blank_batch(channels, 3 * unit, size.depth);
  const auto pixels_of = [&](const datasets::Batch& batch) {
    return static_cast<double>(batch.images.numel()) / static_cast<double>(channels);
  };
  const double first = bytes_of(model, small), second = bytes_of(model, large);
  const double a_pixel = (second - first) / (pixels_of(large) - pixels_of(small));
  const double constant = first - a_pixel * pixels_of(small);
  const double pixels = static_cast<double>(samples * size.depth * size.height * size.width);
  const double on_their_way = keeps ? 1.125 : 1;
  return copies +
         static_cast<std::int64_t>(on_their_way * (a_pixel * pixels + std::max(constant, 0.0)));
}

}  // namespace medsweep::models
