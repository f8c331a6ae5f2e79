#include "datasets/picture.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

#include "datasets/picture_tile.h"

namespace medsweep::datasets {
namespace {

constexpr int kGap = 10, kLine = 20, kSwatch = 12, kLegendLines = 4;
constexpr int kLeastWidth = 640;  // for the title and the legend
const cv::Scalar kPaper(24, 24, 24), kInk(235, 235, 235), kPale(160, 160, 160);

// As different as possible from each other, from grey and from the red of retinas.
constexpr std::array<std::array<std::uint8_t, 3>, 10> kColors{{{60, 230, 230},
                                                               {255, 90, 225},
                                                               {255, 220, 50},
                                                               {70, 220, 90},
                                                               {255, 80, 80},
                                                               {90, 150, 255},
                                                               {255, 150, 40},
                                                               {180, 120, 255},
                                                               {170, 255, 110},
                                                               {255, 180, 190}}};

/// OpenCV's fonts have ASCII only.
std::string drawable(const std::string& text) {
  std::string plain;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U)  // one sign for each character of UTF-8
      plain += c >= ' ' && c <= '~' ? c : '?';
  return plain;
}

int width_of(const std::string& text, double size) {
  return cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, size, 1, nullptr).width;
}

/// Cut in the middle, where names differ least, until it fits.
std::string fitting(const std::string& text, int width, double size) {
  std::string shown = text;
  for (std::size_t cut = 1; width_of(shown, size) > width && cut < text.size(); ++cut) {
    const std::size_t head = (text.size() - cut) / 2;
    shown = text.substr(0, head) + ".." + text.substr(head + cut);
  }
  return shown;
}

struct TextStyle {
  double size = 0.45;
  cv::Scalar color = kInk;
};

void write_text(cv::Mat& sheet, const std::string& text, cv::Point corner, int width,
                const TextStyle& style = {}) {
  cv::putText(sheet, fitting(drawable(text), width, style.size), corner + cv::Point(0, kLine - 6),
              cv::FONT_HERSHEY_SIMPLEX, style.size, style.color, 1, cv::LINE_AA);
}

/// Swatches and names from left to right, in as many lines as they need and may have. Draws where
/// there is a sheet. The lines.
int lay_out_legend(const std::vector<std::string>& classes, int width, int top, cv::Mat* sheet) {
  int x = kGap, line = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const std::string name = drawable(classes[i]);
    const int room = kSwatch + 6 + width_of(name, TextStyle{}.size) + 2 * kGap;
    if (x > kGap && x + room > width) {
      x = kGap;
      ++line;
    }
    if (line == kLegendLines) return line;
    if (sheet != nullptr) {
      const int y = top + line * kLine;
      cv::rectangle(*sheet, cv::Rect(x, y + 4, kSwatch, kSwatch),
                    class_scalar(static_cast<std::int64_t>(i) + 1), cv::FILLED);
      write_text(*sheet, name, {x + kSwatch + 6, y}, width);
    }
    x += room;
  }
  return classes.empty() ? 0 : line + 1;
}

torch::Tensor as_planes(const cv::Mat& sheet) {
  return torch::from_blob(sheet.data, {sheet.rows, sheet.cols, 3}, torch::kUInt8)
      .permute({2, 0, 1})
      .contiguous();
}

/// `count` of 0 ... size - 1, as far from each other as can be.
std::vector<std::int64_t> spread(std::int64_t size, std::int64_t count) {
  std::vector<std::int64_t> chosen;
  count = std::min(size, count);
  for (std::int64_t i = 0; i < count; ++i) chosen.push_back((2 * i + 1) * size / (2 * count));
  return chosen;
}

std::string subtitle_of(const RawSample& sample, const std::string& place) {
  const bool has_labels = sample.labels.defined(), has_objects = sample.instances.defined();
  const char* remark = "";
  if (!has_labels && !has_objects)
    remark = "  (no labels)";
  else if (!(has_labels && sample.labels.any().item<bool>()) &&
           !(has_objects && sample.instances.boxes.size(0) > 0))
    remark = "  (empty)";
  return place + sample.id.group + remark;
}

SheetTile tile_of(const RawSample& sample, const std::string& place) {
  return {sample.image,     sample.labels,  sample.field_of_view,
          sample.instances, sample.id.name, subtitle_of(sample, place)};
}

/// One slice of a volume, its depth taken away.
SheetTile volume_tile(const DataFile& file, std::int64_t index, std::int64_t slice) {
  Extent extent = file.sizes()[static_cast<std::size_t>(index)];
  const std::int64_t depth = extent.depth;
  extent.depth = 1;
  RawSample sample = file.read_box(index, {slice, 0, 0}, extent);
  sample.image = sample.image.squeeze(1);
  for (torch::Tensor* plane : {&sample.labels, &sample.field_of_view})
    if (plane->defined()) *plane = plane->squeeze(0);
  return tile_of(sample, fmt::format("slice {} of {}  ", slice, depth));
}

std::vector<std::int64_t> shown_slices(const DataFile& file, std::int64_t index) {
  const std::int64_t middle = file.sizes()[static_cast<std::size_t>(index)].depth / 2;
  if (file.foreground()[static_cast<std::size_t>(index)] <= 0) return {middle};
  const Parts labels_only{.image = false,
                          .labels = true,
                          .field_of_view = false,
                          .second_observer = false,
                          .instances = false};
  const torch::Tensor labels = file.read(index, labels_only).labels;  // [D, H, W]
  const auto fullest = labels.ne(0).sum({1, 2}).argmax().item<std::int64_t>();
  return fullest == middle ? std::vector{middle} : std::vector{middle, fullest};
}

}  // namespace

std::vector<std::uint8_t> class_color(std::int64_t label) {
  const auto place = static_cast<std::size_t>(label - 1);
  if (place < kColors.size()) return {kColors[place].begin(), kColors[place].end()};
  std::vector<std::uint8_t> color;  // around the circle by the golden angle
  const double hue = std::fmod(static_cast<double>(label) * 0.61803398875, 1.0) * 6;
  for (const double shift : {0.0, 4.0, 2.0}) {
    const double away = std::abs(std::fmod(hue + shift, 6.0) - 3);
    color.push_back(static_cast<std::uint8_t>(90 + 165 * std::clamp(away - 1, 0.0, 1.0)));
  }
  return color;
}

torch::Tensor contact_sheet(const std::vector<SheetTile>& tiles, const SheetOptions& options) {
  if (tiles.empty()) throw std::invalid_argument("[picture] no samples; at least one is needed");
  const int side = static_cast<int>(options.tile), count = static_cast<int>(tiles.size());
  const int columns = std::min(count, static_cast<int>(options.columns));
  const int rows = (count + columns - 1) / columns;
  const int width = std::max(kGap + columns * (side + kGap), kLeastWidth);
  const int legend = lay_out_legend(options.classes, width, 0, nullptr);
  const int top = kGap + kLine + legend * kLine + kGap, cell = side + 2 * kLine + kGap;
  cv::Mat sheet(top + rows * cell, width, CV_8UC3, kPaper);
  write_text(sheet, options.title, {kGap, kGap}, width - 2 * kGap, {.size = 0.55});
  lay_out_legend(options.classes, width, kGap + kLine + kGap / 2, &sheet);
  for (int i = 0; i < count; ++i) {
    const SheetTile& tile = tiles[static_cast<std::size_t>(i)];
    const cv::Point corner(kGap + i % columns * (side + kGap), top + i / columns * cell);
    draw_tile(tile, sheet(cv::Rect(corner.x, corner.y, side, side)));
    write_text(sheet, tile.title, corner + cv::Point(0, side), side);
    write_text(sheet, tile.subtitle, corner + cv::Point(0, side + kLine - 3), side,
               {.size = 0.4, .color = kPale});
  }
  return as_planes(sheet);
}

std::vector<SheetTile> sheet_tiles(const DataFile& file, std::int64_t most) {
  std::vector<SheetTile> tiles;
  const bool volumes = file.header().dimension == 3;
  const std::int64_t samples = std::ssize(file.samples());
  for (const std::int64_t index : spread(samples, volumes ? (most + 1) / 2 : most)) {
    if (!volumes) {
      tiles.push_back(tile_of(file.read(index), ""));
      continue;
    }
    for (const std::int64_t slice : shown_slices(file, index))
      if (std::ssize(tiles) < most) tiles.push_back(volume_tile(file, index, slice));
  }
  return tiles;
}

torch::Tensor contact_sheet(const DataFile& file) {
  const std::vector<SheetTile> tiles = sheet_tiles(file);
  return contact_sheet(tiles, {.title = fmt::format("{}: {} pictures of {} samples", file.name(),
                                                    tiles.size(), file.samples().size()),
                               .classes = file.classes()});
}

}  // namespace medsweep::datasets
