#include "datasets/augmentation/clahe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/core.hpp>
#include <vector>

#include "datasets/augmentation/planes.h"

namespace medsweep::datasets {
namespace {

constexpr int kLevels = 256;
using Mapping = std::array<float, kLevels>;  // level -> level

// As OpenCV: what is cut off goes to all bins alike, the rest of the division to every n-th.
void limit(std::array<int, kLevels>& histogram, int most) {
  int excess = 0;
  for (int& count : histogram) {
    excess += std::max(count - most, 0);
    count = std::min(count, most);
  }
  for (int& count : histogram) count += excess / kLevels;
  const int rest = excess % kLevels;
  if (rest == 0) return;
  const int step = std::max(kLevels / rest, 1);
  for (int bin = 0, left = rest; bin < kLevels && left > 0; bin += step, --left)
    ++histogram[static_cast<std::size_t>(bin)];
}

// levels: the plane as numbers in [0, 255]; the tile may reach beyond it, where it is mirrored.
Mapping mapping_of(const cv::Mat& levels, const cv::Rect& tile, double clip) {
  std::array<int, kLevels> histogram{};
  for (int y = tile.y; y < tile.y + tile.height; ++y) {
    const auto* row =
        levels.ptr<float>(cv::borderInterpolate(y, levels.rows, cv::BORDER_REFLECT_101));
    for (int x = tile.x; x < tile.x + tile.width; ++x) {
      const int column = cv::borderInterpolate(x, levels.cols, cv::BORDER_REFLECT_101);
      ++histogram[static_cast<std::size_t>(std::lround(row[column]))];
    }
  }
  const int pixels = tile.area();
  limit(histogram, std::max(static_cast<int>(clip * pixels / kLevels), 1));
  Mapping mapping{};
  int sum = 0;
  for (std::size_t bin = 0; bin < kLevels; ++bin) {
    sum += histogram[bin];
    mapping[bin] = static_cast<float>(sum) * (kLevels - 1) / static_cast<float>(pixels);
  }
  return mapping;
}

float mapped(const Mapping& mapping, std::size_t bin, float fraction) {
  return mapping[bin] +
         fraction * (mapping[std::min<std::size_t>(bin + 1, kLevels - 1)] - mapping[bin]);
}

// The two tiles whose middles surround a pixel, and how far it is towards the second.
struct Neighbours {
  std::size_t first = 0, second = 0;
  float share = 0;
};

std::vector<Neighbours> neighbours(int pixels, int tile, int tiles) {
  std::vector<Neighbours> all;
  for (int i = 0; i < pixels; ++i) {
    const float place = static_cast<float>(i) / static_cast<float>(tile) - 0.5F;
    const float whole = std::floor(place);
    const int first = static_cast<int>(whole);
    all.push_back({static_cast<std::size_t>(std::clamp(first, 0, tiles - 1)),
                   static_cast<std::size_t>(std::clamp(first + 1, 0, tiles - 1)), place - whole});
  }
  return all;
}

void map_levels(cv::Mat& levels, const std::vector<Mapping>& mappings, int tiles,
                const cv::Size& tile) {
  const auto columns = neighbours(levels.cols, tile.width, tiles);
  const auto rows = neighbours(levels.rows, tile.height, tiles);
  for (int y = 0; y < levels.rows; ++y) {
    const Neighbours& row = rows[static_cast<std::size_t>(y)];
    const Mapping* upper = mappings.data() + row.first * static_cast<std::size_t>(tiles);
    const Mapping* lower = mappings.data() + row.second * static_cast<std::size_t>(tiles);
    auto* value = levels.ptr<float>(y);
    for (std::size_t x = 0; x < columns.size(); ++x) {
      const Neighbours& column = columns[x];
      const auto bin = static_cast<std::size_t>(value[x]);
      const float fraction = value[x] - static_cast<float>(bin);
      const auto between = [&](const Mapping* line) {
        const float left = mapped(line[column.first], bin, fraction);
        return left + column.share * (mapped(line[column.second], bin, fraction) - left);
      };
      const float above = between(upper);
      value[x] = above + row.share * (between(lower) - above);
    }
  }
}

}  // namespace

void equalize_adaptively(cv::Mat& plane, double clip, std::int64_t tiles) {
  double low = 0, high = 0;
  cv::minMaxLoc(plane, &low, &high);
  const auto count = static_cast<int>(tiles);
  if (!(high > low) || plane.rows < count || plane.cols < count) return;
  const auto unit = static_cast<float>((high - low) / (kLevels - 1)),
             start = static_cast<float>(low);
  const auto each = [&](const auto& change) {
    for (int y = 0; y < plane.rows; ++y)
      for (float *value = plane.ptr<float>(y), *end = value + plane.cols; value < end; ++value)
        *value = change(*value);
  };
  each([&](float value) { return std::clamp((value - start) / unit, 0.0F, kLevels - 1.0F); });
  // Tiles of one size; the last ones go on into the mirror image.
  const cv::Size tile((plane.cols + count - 1) / count, (plane.rows + count - 1) / count);
  std::vector<Mapping> mappings;
  for (int y = 0; y < count; ++y)
    for (int x = 0; x < count; ++x)
      mappings.push_back(mapping_of(plane, {{x * tile.width, y * tile.height}, tile}, clip));
  map_levels(plane, mappings, count, tile);
  each([&](float value) { return start + unit * value; });
}

Augmentation make_clahe(const AugmentationOptions& options) {
  return {[options](View& view, RandomStream& stream) {
    if (!stream.chance(options.probability)) return;
    change_luma(view.image,
                [&](cv::Mat& plane) { equalize_adaptively(plane, options.clip, options.tiles); });
  }};
}

}  // namespace medsweep::datasets
