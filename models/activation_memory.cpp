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

}  // namespace

std::int64_t kept_bytes(const std::function<Losses()>& loss) {
  const auto counter = std::make_shared<AllocationCounter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
  const torch::AutoGradMode with_gradient(true);
  const Losses losses = loss();
  return counter->live();
}

StepBytes step_bytes(const std::function<Losses()>& loss, const torch::Tensor& parameter) {
  const auto counter = std::make_shared<AllocationCounter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
  const torch::AutoGradMode with_gradient(true);
  torch::Tensor total = torch::zeros({});
  for (const auto& [name, part] : loss()) total = total + part.sum;
  const std::int64_t kept = counter->live();
  if (parameter.defined())
    torch::autograd::grad({total}, {parameter}, /*grad_outputs=*/{}, /*retain_graph=*/false,
                          /*create_graph=*/false, /*allow_unused=*/true);
  else
    total.backward();
  return {kept, counter->peak()};
}

}  // namespace medsweep::models
