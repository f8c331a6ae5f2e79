#include "datasets/augmentation/warp.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace medsweep::datasets {
namespace {

// Where the pixels of one row come from.
struct WarpRow {
  explicit WarpRow(std::int64_t width)
      : y(static_cast<std::size_t>(width)),
        x(y.size()),
        row(y.size()),
        column(y.size()),
        near_row(y.size()),
        near_column(y.size()) {}
  std::vector<float> y, x;                // places; later the fractions beyond row, column
  std::vector<std::int32_t> row, column;  // the pixel above and left of the place
  std::vector<std::int32_t> near_row, near_column;  // the nearest pixel
};

struct Plane {
  std::int64_t height = 0, width = 0;
};

void move_affine(const AffineMap& map, WarpRow& row) {
  const auto yy = static_cast<float>(map.matrix[1][1]), yx = static_cast<float>(map.matrix[1][2]);
  const auto xy = static_cast<float>(map.matrix[2][1]), xx = static_cast<float>(map.matrix[2][2]);
  const auto y0 = static_cast<float>(map.offset[1]), x0 = static_cast<float>(map.offset[2]);
  float* ys = row.y.data();
  float* xs = row.x.data();
  for (std::size_t i = 0; i < row.y.size(); ++i) {
    const float y = ys[i], x = xs[i];
    ys[i] = yy * y + yx * x + y0;
    xs[i] = xy * y + xx * x + x0;
  }
}

// The first map meets whole pixels.
void displace_on_grid(const DisplacementMap& map, std::int64_t y, WarpRow& row) {
  const auto width = static_cast<std::int64_t>(row.x.size());
  const float* dy = map.field.const_data_ptr<float>() + y * width;
  const float* dx = dy + map.field.size(1) * width;
  for (std::size_t i = 0; i < row.y.size(); ++i) {
    row.y[i] += dy[i];
    row.x[i] += dx[i];
  }
}

void displace_between(const DisplacementMap& map, const Plane& plane, WarpRow& row) {
  const float* dy = map.field.const_data_ptr<float>();
  const float* dx = dy + plane.height * plane.width;
  const auto last_row = static_cast<float>(plane.height - 1);
  const auto last_column = static_cast<float>(plane.width - 1);
  for (std::size_t i = 0; i < row.y.size(); ++i) {
    const float y = std::clamp(row.y[i], 0.0F, last_row);
    const float x = std::clamp(row.x[i], 0.0F, last_column);
    const auto top = static_cast<std::int64_t>(y), left = static_cast<std::int64_t>(x);
    const std::int64_t below = top + 1 < plane.height ? plane.width : 0;
    const std::int64_t right = left + 1 < plane.width ? 1 : 0;
    const float fy = y - static_cast<float>(top), fx = x - static_cast<float>(left);
    const auto between = [&](const float* field) {
      const float* at = field + top * plane.width + left;
      const float upper = at[0] + fx * (at[right] - at[0]);
      const float lower = at[below] + fx * (at[below + right] - at[below]);
      return upper + fy * (lower - upper);
    };
    row.y[i] += between(dy);
    row.x[i] += between(dx);
  }
}

void mirror_places(std::vector<float>& places, std::int64_t side) {
  const auto last = static_cast<float>(side - 1);
  for (float& place : places) {
    if (place >= 0 && place <= last) continue;
    const float folded = last > 0 ? std::fmod(std::abs(place), 2 * last) : 0;
    place = std::min(folded, 2 * last - folded);
  }
}

void find_places(const Geometry& geometry, std::int64_t y, const Plane& plane, WarpRow& row) {
  for (std::size_t i = 0; i < row.y.size(); ++i) {
    row.y[i] = static_cast<float>(y);
    row.x[i] = static_cast<float>(i);
  }
  const auto& maps = geometry.maps();
  for (auto map = maps.rbegin(); map != maps.rend(); ++map) {
    if (const auto* affine = std::get_if<AffineMap>(&*map)) {
      move_affine(*affine, row);
    } else if (const auto* field = std::get_if<DisplacementMap>(&*map)) {
      if (map == maps.rbegin())
        displace_on_grid(*field, y, row);
      else
        displace_between(*field, plane, row);
    } else {
      mirror_places(row.y, plane.height);
      mirror_places(row.x, plane.width);
    }
  }
}

// Splits places into pixels and fractions; what is far outside is brought near, that it fits.
void split_places(const Plane& plane, WarpRow& row) {
  const auto highest_row = static_cast<float>(plane.height + 1);
  const auto highest_column = static_cast<float>(plane.width + 1);
  const auto split = [](float place, float highest, std::int32_t& pixel, std::int32_t& nearest) {
    place = std::max(-2.0F, std::min(place, highest));
    const float whole = std::floor(place);
    pixel = static_cast<std::int32_t>(whole);
    nearest = static_cast<std::int32_t>(std::floor(place + 0.5F));
    return place - whole;
  };
  for (std::size_t i = 0; i < row.y.size(); ++i)
    row.y[i] = split(row.y[i], highest_row, row.row[i], row.near_row[i]);
  for (std::size_t i = 0; i < row.x.size(); ++i)
    row.x[i] = split(row.x[i], highest_column, row.column[i], row.near_column[i]);
}

float at_border(const float* in, const Plane& plane, const WarpRow& row, std::size_t i) {
  const auto value = [&](std::int64_t y, std::int64_t x) {
    const bool inside = y >= 0 && y < plane.height && x >= 0 && x < plane.width;
    return inside ? in[y * plane.width + x] : 0.0F;
  };
  const std::int64_t y = row.row[i], x = row.column[i];
  const float upper = value(y, x) + row.x[i] * (value(y, x + 1) - value(y, x));
  const float lower = value(y + 1, x) + row.x[i] * (value(y + 1, x + 1) - value(y + 1, x));
  return upper + row.y[i] * (lower - upper);
}

void sample_linear(const float* in, const Plane& plane, const WarpRow& row, float* out) {
  const auto rows = static_cast<std::uint32_t>(plane.height - 1);
  const auto columns = static_cast<std::uint32_t>(plane.width - 1);
  for (std::size_t i = 0; i < row.x.size(); ++i) {
    if (static_cast<std::uint32_t>(row.row[i]) < rows &&
        static_cast<std::uint32_t>(row.column[i]) < columns) {
      const float* at = in + row.row[i] * plane.width + row.column[i];
      const float upper = at[0] + row.x[i] * (at[1] - at[0]);
      const float lower = at[plane.width] + row.x[i] * (at[plane.width + 1] - at[plane.width]);
      out[i] = upper + row.y[i] * (lower - upper);
    } else {
      out[i] = at_border(in, plane, row, i);
    }
  }
}

template <typename Value>
void sample_nearest(const Value* in, const Plane& plane, const WarpRow& row, Value fill,
                    Value* out) {
  const auto rows = static_cast<std::uint32_t>(plane.height);
  const auto columns = static_cast<std::uint32_t>(plane.width);
  for (std::size_t i = 0; i < row.x.size(); ++i) {
    const bool inside = static_cast<std::uint32_t>(row.near_row[i]) < rows &&
                        static_cast<std::uint32_t>(row.near_column[i]) < columns;
    out[i] = inside ? in[row.near_row[i] * plane.width + row.near_column[i]] : fill;
  }
}

}  // namespace

void warp(const Geometry& geometry, View& view) {
  const Plane plane{geometry.size()[1], geometry.size()[2]};
  const std::int64_t pixels = plane.height * plane.width;
  const View old{view.image.contiguous(),
                 view.labels.contiguous(),
                 {},
                 view.masks.defined() ? view.masks.contiguous() : torch::Tensor()};
  view.image = torch::empty_like(old.image);
  view.labels = torch::empty_like(old.labels);
  if (old.masks.defined()) view.masks = torch::empty_like(old.masks);
  const std::int64_t masks = old.masks.defined() ? old.masks.size(0) : 0;
  WarpRow row(plane.width);
  for (std::int64_t y = 0; y < plane.height; ++y) {
    find_places(geometry, y, plane, row);
    split_places(plane, row);
    const std::int64_t start = y * plane.width;
    for (std::int64_t c = 0; c < old.image.size(0); ++c)
      sample_linear(old.image.const_data_ptr<float>() + c * pixels, plane, row,
                    view.image.mutable_data_ptr<float>() + c * pixels + start);
    sample_nearest(old.labels.const_data_ptr<std::int16_t>(), plane, row,
                   static_cast<std::int16_t>(kIgnored),
                   view.labels.mutable_data_ptr<std::int16_t>() + start);
    for (std::int64_t n = 0; n < masks; ++n)
      sample_nearest(old.masks.const_data_ptr<std::uint8_t>() + n * pixels, plane, row,
                     std::uint8_t{0},
                     view.masks.mutable_data_ptr<std::uint8_t>() + n * pixels + start);
  }
}

}  // namespace medsweep::datasets
