#include "datasets/converters/mask_shapes.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>
#include <opencv2/imgproc.hpp>

namespace medsweep::datasets {
namespace {

/// A view of a contiguous [H, W] uint8 tensor.
cv::Mat shape_matrix_of(const torch::Tensor& mask) {
  return {static_cast<int>(mask.size(0)), static_cast<int>(mask.size(1)), CV_8UC1,
          const_cast<void*>(mask.const_data_ptr())};
}

}  // namespace

std::vector<MaskComponent> largest_components(const torch::Tensor& mask, std::int64_t most) {
  if (mask.numel() == 0) return {};
  const torch::Tensor pixels = mask.contiguous();
  cv::Mat numbers, statistics, centres;  // numbers: [H, W] int32, 0 is outside
  const int count = cv::connectedComponentsWithStats(shape_matrix_of(pixels), numbers, statistics,
                                                     centres, 4, CV_32S);
  std::vector<int> order(static_cast<std::size_t>(count - 1));
  std::iota(order.begin(), order.end(), 1);
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](int number) {
    return statistics.at<int>(number, cv::CC_STAT_AREA);
  });
  order.resize(std::min(order.size(), static_cast<std::size_t>(most)));
  const torch::Tensor parts = torch::from_blob(numbers.data, mask.sizes(), torch::kInt32);
  std::vector<MaskComponent> components;
  for (const int number : order) {
    const auto value = [&](int column) { return statistics.at<int>(number, column); };
    const std::int64_t x1 = value(cv::CC_STAT_LEFT), y1 = value(cv::CC_STAT_TOP);
    components.push_back({.mask = parts.eq(number).to(torch::kUInt8),
                          .area = value(cv::CC_STAT_AREA),
                          .x1 = x1,
                          .y1 = y1,
                          .x2 = x1 + value(cv::CC_STAT_WIDTH),
                          .y2 = y1 + value(cv::CC_STAT_HEIGHT),
                          .centre_x = centres.at<double>(number, 0),
                          .centre_y = centres.at<double>(number, 1)});
  }
  return components;
}

torch::Tensor fill_holes(const torch::Tensor& mask) {
  if (mask.numel() == 0) return mask.ne(0).to(torch::kUInt8);
  // A border of background joins all that reaches the edge.
  torch::Tensor padded = torch::constant_pad_nd(mask.ne(0).to(torch::kUInt8), {1, 1, 1, 1});
  cv::Mat matrix = shape_matrix_of(padded);
  cv::floodFill(matrix, cv::Point(0, 0), cv::Scalar(2), nullptr, cv::Scalar(), cv::Scalar(), 4);
  return padded.narrow(0, 1, mask.size(0))
      .narrow(1, 1, mask.size(1))
      .ne(2)
      .to(torch::kUInt8)
      .contiguous();
}

}  // namespace medsweep::datasets
