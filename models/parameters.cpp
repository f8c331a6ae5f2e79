#include "models/parameters.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kLargeKernel = 1 << 20;  // numbers

}  // namespace

std::int64_t count_parameters(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

void set_memory_layout(torch::nn::Module& module, MemoryLayout layout) {
  if (layout == MemoryLayout::kContiguous) return;
  for (auto& parameter : module.parameters()) {
    const bool is_large = parameter.dim() == 5 && parameter.numel() >= kLargeKernel;
    if (parameter.dim() < 4 || is_large) continue;
    // Copied, not converted: a 1x1 kernel counts as channels-last whatever its strides.
    const torch::Tensor data = torch::empty_strided(
        parameter.sizes(),
        parameter.dim() == 4 ? c10::get_channels_last_strides_2d(parameter.sizes())
                             : c10::get_channels_last_strides_3d(parameter.sizes()),
        parameter.options().requires_grad(false));
    data.copy_(parameter.detach());
    parameter.set_data(data);
  }
}

}  // namespace medsweep::models
