#include "runner/ensemble/regions.h"

#include <torch/torch.h>

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace medsweep::runner {
namespace {

/// The same memory.
cv::Mat plane_of(torch::Tensor& mask) {
  return {static_cast<int>(mask.size(0)), static_cast<int>(mask.size(1)), CV_8U,
          mask.data_ptr<std::uint8_t>()};
}

/// Numbered connected parts of a mask.
struct Parts {
  cv::Mat numbers;                       ///< [H, W] int32, 0 outside the mask
  std::vector<std::int64_t> sizes;       ///< by number
  std::vector<std::int64_t> first_seen;  ///< by number: in reading order
  bool touches_edge(int number) const {
    for (int row = 0; row < numbers.rows; ++row)
      for (int column = 0; column < numbers.cols; ++column) {
        const bool edge =
            row == 0 || column == 0 || row + 1 == numbers.rows || column + 1 == numbers.cols;
        if (edge && numbers.at<int>(row, column) == number) return true;
      }
    return false;
  }
};

Parts parts_of(torch::Tensor mask, Connectivity connectivity) {
  Parts parts;
  if (mask.numel() == 0) return parts;
  const int count = cv::connectedComponents(plane_of(mask), parts.numbers,
                                            static_cast<int>(connectivity), CV_32S);
  parts.sizes.resize(static_cast<std::size_t>(count));
  parts.first_seen.assign(static_cast<std::size_t>(count), -1);
  for (int row = 0; row < parts.numbers.rows; ++row)
    for (int column = 0; column < parts.numbers.cols; ++column) {
      const auto number = static_cast<std::size_t>(parts.numbers.at<int>(row, column));
      ++parts.sizes[number];
      auto& first = parts.first_seen[number];
      if (first < 0) first = std::int64_t{row} * parts.numbers.cols + column;
    }
  return parts;
}

/// Adds the chosen parts to `mask`.
void paint_parts(const Parts& parts, const std::vector<std::uint8_t>& chosen, torch::Tensor& mask) {
  auto* pixel = mask.data_ptr<std::uint8_t>();
  for (int row = 0; row < parts.numbers.rows; ++row)
    for (int column = 0; column < parts.numbers.cols; ++column, ++pixel)
      *pixel |= chosen[static_cast<std::size_t>(parts.numbers.at<int>(row, column))];
}

}  // namespace

torch::Tensor opened(const torch::Tensor& mask, std::int64_t side) {
  torch::Tensor result = mask.contiguous().clone();
  if (side <= 1 || mask.numel() == 0) return result;
  const int size = static_cast<int>(side);
  const cv::Mat square = cv::Mat::ones(size, size, CV_8U);
  const int anchor = size / 2, mirrored = size - 1 - anchor;
  cv::Mat eroded, dilated;
  cv::erode(plane_of(result), eroded, square, {anchor, anchor});
  cv::dilate(eroded, dilated, square, {mirrored, mirrored});
  dilated.copyTo(plane_of(result));
  return result;
}

torch::Tensor largest_parts(const torch::Tensor& mask, std::int64_t count,
                            Connectivity connectivity) {
  const Parts parts = parts_of(mask.contiguous(), connectivity);
  std::vector<std::size_t> order;
  for (std::size_t number = 1; number < parts.sizes.size(); ++number) order.push_back(number);
  std::ranges::sort(order, {}, [&](std::size_t number) {
    return std::pair(-parts.sizes[number], parts.first_seen[number]);
  });
  if (static_cast<std::int64_t>(order.size()) > count)
    order.resize(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)));
  std::vector<std::uint8_t> chosen(parts.sizes.size());
  for (const std::size_t number : order) chosen[number] = 1;
  torch::Tensor result = torch::zeros(mask.sizes(), torch::kUInt8);
  paint_parts(parts, chosen, result);
  return result;
}

torch::Tensor holes_filled(const torch::Tensor& mask) {
  torch::Tensor result = mask.contiguous().clone();
  const Parts outside = parts_of(mask.eq(0).to(torch::kUInt8), Connectivity::kFour);
  std::vector<std::uint8_t> chosen(outside.sizes.size());
  for (std::size_t number = 1; number < chosen.size(); ++number)
    chosen[number] = outside.touches_edge(static_cast<int>(number)) ? 0 : 1;
  paint_parts(outside, chosen, result);
  return result;
}

torch::Tensor box_around(const torch::Tensor& mask) {
  torch::Tensor box = torch::zeros({4}, torch::kFloat32);
  const torch::Tensor places = mask.nonzero();  // [n, 2]: row, column
  if (places.size(0) == 0) return box;
  const torch::Tensor least = std::get<0>(places.min(0)), most = std::get<0>(places.max(0));
  box[0] = least[1];
  box[1] = least[0];
  box[2] = most[1] + 1;
  box[3] = most[0] + 1;
  return box;
}

}  // namespace medsweep::runner
