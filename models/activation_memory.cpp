#include "models/activation_memory.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/torch.h>

#include <algorithm>
#include <memory>

namespace medsweep::models {
namespace {

constexpr std::int64_t kUnitOfAnySize = 64;

// Sums what the calling thread allocates and frees.
class AllocationCounter : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t,
                         c10::Device) override {
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t live() const { return live_; }
  std::int64_t peak() const { return peak_; }

 private:
  std::int64_t live_ = 0, peak_ = 0;
};

// One square image, or volume of square slices.
datasets::Batch blank_batch(std::int64_t channels, std::int64_t side, std::int64_t depth) {
  std::vector<std::int64_t> sides{side, side};
  if (depth > 1) sides.insert(sides.begin(), depth);
  datasets::Batch batch;
  batch.sizes.push_back({side, side, depth});
  batch.targets.push_back({{datasets::kSegmentation, {torch::zeros(sides, torch::kLong)}}});
  sides.insert(sides.begin(), {1, channels});
  batch.images = torch::zeros(sides);
  batch.samples.emplace_back();
  batch.random_keys.push_back(0);
  return batch;
}

// Bytes that the graph of a batch's losses holds.
std::int64_t kept_bytes(Model& model, const datasets::Batch& batch) {
  const auto counter = std::make_shared<AllocationCounter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
  torch::AutoGradMode with_gradient(true);
  const Losses losses = model.loss(batch);
  return counter->live();
}

// One number in place of each kernel: what a forward keeps depends on the shapes alone. Returns the
// bytes of the kernels' copies in bfloat16, which a forward in that precision would make and keep.
std::int64_t let_go_of_kernels(Model& model, Precision precision) {
  std::int64_t copies = 0;
  for (torch::Tensor& parameter : model.parameters()) {
    if (parameter.dim() < 2) continue;
    // Smaller ones may be used in single precision whatever autocast says.
    const bool is_copied = precision == Precision::kBf16 && parameter.dim() > 3;
    if (is_copied) copies += 2 * parameter.numel();
    const auto type = is_copied ? torch::kBFloat16 : torch::kFloat;
    parameter.set_data(torch::zeros({}, type).expand(parameter.sizes()));
  }
  return copies;
}

}  // namespace

StepBytes step_bytes(const std::function<Losses()>& loss, const torch::Tensor& parameter) {
  const auto counter = std::make_shared<AllocationCounter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
  const torch::AutoGradMode with_gradient(true);
  torch::Tensor total = torch::zeros({});
  for (const auto& [name, part] : loss()) total = total + part.sum;
  const std::int64_t kept = counter->live();
  torch::autograd::grad({total}, {parameter}, /*grad_outputs=*/{}, /*retain_graph=*/false,
                        /*create_graph=*/false, /*allow_unused=*/true);
  return {kept, counter->peak()};
}

std::int64_t activation_bytes(Model& model, Precision precision, std::int64_t channels,
                              std::int64_t samples, datasets::Extent size) {
  model.eval();
  const std::int64_t copies = let_go_of_kernels(model, precision);
  // A network that takes any size is measured where its deepest maps are more than a few pixels.
  const std::int64_t unit = model.size_multiple() > 1 || size.depth > 1
                                ? std::max(model.size_multiple(), model.smallest_side())
                                : kUnitOfAnySize;
  const datasets::Batch small = blank_batch(channels, 2 * unit, size.depth),
                        large = blank_batch(channels, 3 * unit, size.depth);
  const auto pixels_of = [&](const datasets::Batch& batch) {
    return static_cast<double>(batch.images.numel() / channels);
  };
  const auto first = static_cast<double>(kept_bytes(model, small)),
             second = static_cast<double>(kept_bytes(model, large));
  const double a_pixel = (second - first) / (pixels_of(large) - pixels_of(small));
  const double constant = first - a_pixel * pixels_of(small);
  const double pixels = static_cast<double>(samples * size.depth * size.height * size.width);
  return copies + static_cast<std::int64_t>(1.125 * (a_pixel * pixels + std::max(constant, 0.0)));
}

}  // namespace medsweep::models
