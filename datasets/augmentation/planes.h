#pragma once

#include <torch/types.h>

#include <functional>
#include <opencv2/core/mat.hpp>

namespace medsweep::datasets {

/// Makes the image contiguous and calls `change` with each of its planes, [H, W] float32: every
/// channel, of a volume every slice. The plane's memory is the image's.
void for_each_plane(torch::Tensor& image, const std::function<void(cv::Mat& plane)>& change);

/// True for an image or volume of three channels: only these have colours.
bool is_coloured(const torch::Tensor& image);

/// [H, W] or [D, H, W]: the luma of ITU-R 601 of three channels, 0.299 R + 0.587 G + 0.114 B.
torch::Tensor luma_of(const torch::Tensor& image);

/// Applies `change` to the luma alone and adds what it changed to all three channels, so that
/// colours stay; of images that have no colours to every channel by itself.
void change_luma(torch::Tensor& image, const std::function<void(cv::Mat& plane)>& change);

}  // namespace medsweep::datasets
