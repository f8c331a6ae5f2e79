#include "models/activation_memory.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/torch.h>

#include <algorithm>
#include <memory>

namespace medsweep::models {
namespace {

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

datasets::Batch blank_batch(std::int64_t channels, std::int64_t side) {
  datasets::Batch batch;
  batch.images = torch::zeros({1, channels, side, side});
  batch.sizes.push_back({side, side});
  batch.targets.push_back({{datasets::kSegmentation, {torch::zeros({side, side}, torch::kLong)}}});
  batch.samples.emplace_back();
  return batch;
}

// Bytes that the graph of one image's losses holds.
std::int64_t kept_bytes(Model& model, std::int64_t channels, std::int64_t side) {
  const datasets::Batch batch = blank_batch(channels, side);
  const auto counter = std::make_shared<AllocationCounter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
  torch::AutoGradMode with_gradient(true);
  const Losses losses = model.loss(batch);
  return counter->live();
}

// One number in place of each kernel: what a forward keeps depends on the shapes alone. Returns the
// bytes of the kernels' copies in bfloat16, which a forward in that precision would make and keep.
std::int64_t let_go_of_kernels(Model& model, Precision precision) {
  const auto type = precision == Precision::kBf16 ? torch::kBFloat16 : torch::kFloat;
  std::int64_t copies = 0;
  for (torch::Tensor& parameter : model.parameters()) {
    if (parameter.dim() < 2) continue;
    if (precision == Precision::kBf16) copies += 2 * parameter.numel();
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
  const std::int64_t small = model.size_multiple() * 2, large = model.size_multiple() * 3;
  const std::int64_t first = kept_bytes(model, channels, small);
  const std::int64_t second = kept_bytes(model, channels, large);
  const double a_pixel =
      static_cast<double>(second - first) / static_cast<double>(large * large - small * small);
  const double constant = static_cast<double>(first) - a_pixel * static_cast<double>(small * small);
  const double pixels = static_cast<double>(samples * size.height * size.width);
  return copies + static_cast<std::int64_t>(1.125 * (a_pixel * pixels + std::max(constant, 0.0)));
}

}  // namespace medsweep::models
