#pragma once

#include <torch/types.h>

#include <optional>

namespace medsweep::models {

/// medsweep::roi_align and its gradient on the CPU, with the arguments of the dispatcher; see
/// roi_align.h. aligned: RoiCorner::kCentre.
torch::Tensor roi_align_cpu(const torch::Tensor& features, const torch::Tensor& rois, double scale,
                            std::int64_t height, std::int64_t width, std::int64_t sampling_ratio,
                            bool aligned, std::optional<at::MemoryFormat> format);

/// gradient: of the result; sizes: of the features. Returns the features' gradient, channels-last.
torch::Tensor roi_align_backward_cpu(const torch::Tensor& gradient, const torch::Tensor& rois,
                                     at::IntArrayRef sizes, double scale,
                                     std::int64_t sampling_ratio, bool aligned);

}  // namespace medsweep::models
