#include "datasets/picture_tile.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace medsweep::datasets {
namespace {

constexpr double kOutside = 0.35;  // brightness that is left outside the field of view
constexpr double kCovered = 0.35;  // of a shown pixel, for it to count as labelled
const cv::Scalar kCrowd(150, 150, 150);

cv::Mat plane_of(const torch::Tensor& plane) {
  const torch::Tensor dense = plane.to(torch::kUInt8).contiguous();
  return cv::Mat(static_cast<int>(dense.size(0)), static_cast<int>(dense.size(1)), CV_8U,
                 dense.data_ptr())
      .clone();
}

/// The values at 1 and 99 percent, over pixels inside.
std::array<float, 2> shown_range(const torch::Tensor& values, const torch::Tensor& inside) {
  torch::Tensor counted = values.flatten(1);  // [C, H * W]
  if (inside.defined() && inside.any().item<bool>())
    counted = counted.index_select(1, inside.flatten().nonzero().squeeze(1));
  const torch::Tensor sorted = std::get<0>(counted.flatten().sort());
  const auto at = [&](double share) {
    const auto rank = std::lround(share * static_cast<double>(sorted.numel() - 1));
    return sorted[rank].item<float>();
  };
  return {at(0.01), at(0.99)};
}

/// [C, H, W] of any type -> RGB of 8 bits.
cv::Mat visible(const SheetTile& tile) {
  const bool colored = tile.image.size(0) == 3 && tile.image.scalar_type() == torch::kUInt8;
  const torch::Tensor values =
      (colored ? tile.image : tile.image.narrow(0, 0, 1)).to(torch::kFloat32);
  const bool given = tile.white > tile.black;
  const auto [black, white] =
      given ? std::array{tile.black, tile.white} : shown_range(values, tile.field_of_view);
  const float scale = white > black ? 255 / (white - black) : 0;
  const torch::Tensor stretched =
      ((values - black) * scale).round().clamp(0, 255).to(torch::kUInt8);
  std::vector<cv::Mat> planes;
  for (std::int64_t i = 0; i < 3; ++i) planes.push_back(plane_of(stretched[colored ? i : 0]));
  cv::Mat picture;
  cv::merge(planes, picture);
  return picture;
}

void dim_outside(const torch::Tensor& field_of_view, cv::Mat& picture) {
  if (!field_of_view.defined()) return;
  cv::Mat inside;
  cv::resize(plane_of(field_of_view), inside, picture.size(), 0, 0, cv::INTER_NEAREST);
  cv::Mat dimmed = picture * kOutside;
  dimmed.copyTo(picture, inside == 0);
}

void draw_outline(const torch::Tensor& mask, const cv::Scalar& color, cv::Mat& picture) {
  cv::Mat shown;
  const cv::Mat whole = plane_of(mask.ne(0)) * 255;
  const bool shrinks = picture.rows < whole.rows;
  cv::resize(whole, shown, picture.size(), 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
  cv::Mat inside = shown > 255 * (shrinks ? kCovered : 0.5);
  std::vector<std::vector<cv::Point>> contours;
  cv::findContours(inside, contours, cv::RETR_CCOMP, cv::CHAIN_APPROX_NONE);
  cv::drawContours(picture, contours, -1, color, 1, cv::LINE_8);
}

void draw_labels(const SheetTile& tile, cv::Mat& picture) {
  if (!tile.labels.defined()) return;
  const auto most = tile.labels.numel() > 0 ? tile.labels.max().item<std::int64_t>() : 0;
  for (std::int64_t label = 1; label <= most; ++label) {
    const torch::Tensor mask = tile.labels.eq(label);
    if (mask.any().item<bool>()) draw_outline(mask, class_scalar(label), picture);
  }
}

void draw_instances(const SheetTile& tile, cv::Mat& picture) {
  const Instances& instances = tile.instances;
  if (!instances.defined()) return;
  const double across = picture.cols / static_cast<double>(tile.image.size(-1));
  const double down = picture.rows / static_cast<double>(tile.image.size(-2));
  for (std::int64_t i = 0; i < instances.boxes.size(0); ++i) {
    const bool is_crowd = instances.ignore.defined() && instances.ignore[i].item<int>() != 0;
    const cv::Scalar color =
        is_crowd ? kCrowd : class_scalar(instances.labels[i].item<std::int64_t>());
    if (instances.masks.defined() && !tile.labels.defined())
      draw_outline(instances.masks[i], color, picture);
    const auto side = [&](std::int64_t k, double scale) {
      return static_cast<int>(std::lround(instances.boxes[i][k].item<double>() * scale));
    };
    cv::rectangle(picture, cv::Point(side(0, across), side(1, down)),
                  cv::Point(side(2, across) - 1, side(3, down) - 1), color, 1, cv::LINE_8);
  }
}

}  // namespace

cv::Scalar class_scalar(std::int64_t label) {
  const std::vector<std::uint8_t> color = class_color(label);
  return {static_cast<double>(color[0]), static_cast<double>(color[1]),
          static_cast<double>(color[2])};
}

void draw_tile(const SheetTile& tile, cv::Mat canvas) {
  const cv::Mat whole = visible(tile);
  const double scale = std::min(canvas.cols / static_cast<double>(whole.cols),
                                canvas.rows / static_cast<double>(whole.rows));
  const cv::Size size(std::max(1, static_cast<int>(whole.cols * scale)),
                      std::max(1, static_cast<int>(whole.rows * scale)));
  cv::Mat picture;
  cv::resize(whole, picture, size, 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_CUBIC);
  dim_outside(tile.field_of_view, picture);
  draw_labels(tile, picture);
  draw_instances(tile, picture);
  picture.copyTo(canvas(cv::Rect((canvas.cols - size.width) / 2, (canvas.rows - size.height) / 2,
                                 size.width, size.height)));
}

}  // namespace medsweep::datasets
