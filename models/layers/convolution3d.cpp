#include "models/layers/convolution3d.h"

#include "models/layers/autocast_state.h"

namespace medsweep::models {

torch::Tensor Convolution3dImpl::forward(const torch::Tensor& volumes) {
  const auto device = volumes.device().type();
  const bool has_few_slices = volumes.size(2) < options.kernel_size()->front();
  if (device != c10::DeviceType::CPU || !has_few_slices ||
      !at::autocast::is_autocast_enabled(device))
    return Conv3dImpl::forward(volumes);
  const AutocastStateGuard single(device, false, at::autocast::get_autocast_dtype(device));
  return Conv3dImpl::forward(volumes.to(torch::kFloat));
}

}  // namespace medsweep::models
