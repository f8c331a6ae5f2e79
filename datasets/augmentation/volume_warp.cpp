#include "datasets/augmentation/volume_warp.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace medsweep::datasets {
namespace {

using VolumeSize = std::array<std::int64_t, 3>;  // D, H, W

// Where the voxels of one row come from, along depth, height and width.
struct VolumeRow {
  explicit VolumeRow(std::int64_t width) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      place[axis].resize(static_cast<std::size_t>(width));
      first[axis].resize(place[axis].size());
      nearest[axis].resize(place[axis].size());
    }
  }
  std::size_t size() const { return place[0].size(); }
  std::array<std::vector<float>, 3> place;         // later the fractions beyond `first`
  std::array<std::vector<std::int32_t>, 3> first;  // the voxel before the place
  std::array<std::vector<std::int32_t>, 3> nearest;
};

void move_row(const AffineMap& map, VolumeRow& row) {
  std::array<std::array<float, 3>, 3> m{};
  std::array<float, 3> offset{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    offset[axis] = static_cast<float>(map.offset[axis]);
    for (std::size_t other = 0; other < 3; ++other)
      m[axis][other] = static_cast<float>(map.matrix[axis][other]);
  }
  float *zs = row.place[0].data(), *ys = row.place[1].data(), *xs = row.place[2].data();
  for (std::size_t i = 0; i < row.size(); ++i) {
    const float z = zs[i], y = ys[i], x = xs[i];
    zs[i] = m[0][0] * z + m[0][1] * y + m[0][2] * x + offset[0];
    ys[i] = m[1][0] * z + m[1][1] * y + m[1][2] * x + offset[1];
    xs[i] = m[2][0] * z + m[2][1] * y + m[2][2] * x + offset[2];
  }
}

// The eight voxels around a place, the last ones repeated beyond the border.
struct Cell {
  std::int64_t index = 0;
  std::array<std::int64_t, 3> step{};
  std::array<float, 3> fraction{};
};

float trilinear(const float* at, const Cell& cell) {
  const auto row = [&](const float* from) {
    return from[0] + cell.fraction[2] * (from[cell.step[2]] - from[0]);
  };
  const auto plane = [&](const float* from) {
    const float upper = row(from);
    return upper + cell.fraction[1] * (row(from + cell.step[1]) - upper);
  };
  const float front = plane(at);
  return front + cell.fraction[0] * (plane(at + cell.step[0]) - front);
}

Cell clamped_cell(const VolumeRow& row, const VolumeSize& size, std::size_t i) {
  Cell cell;
  const VolumeSize strides{size[1] * size[2], size[2], 1};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const float place = std::clamp(row.place[axis][i], 0.0F, static_cast<float>(size[axis] - 1));
    const auto first = static_cast<std::int64_t>(place);
    cell.index += first * strides[axis];
    cell.step[axis] = first + 1 < size[axis] ? strides[axis] : 0;
    cell.fraction[axis] = place - static_cast<float>(first);
  }
  return cell;
}

void displace_row(const DisplacementMap& map, const VolumeSize& size, VolumeRow& row) {
  const float* field = map.field.const_data_ptr<float>();
  const std::int64_t voxels = size[0] * size[1] * size[2];
  for (std::size_t i = 0; i < row.size(); ++i) {
    const Cell cell = clamped_cell(row, size, i);
    for (std::size_t axis = 0; axis < 3; ++axis)
      row.place[axis][i] +=
          trilinear(field + static_cast<std::int64_t>(axis) * voxels + cell.index, cell);
  }
}

void displace_whole_voxels(const DisplacementMap& map, const VolumeSize& size, std::int64_t start,
                           VolumeRow& row) {
  const float* field = map.field.const_data_ptr<float>() + start;
  for (std::size_t axis = 0; axis < 3; ++axis, field += size[0] * size[1] * size[2])
    for (std::size_t i = 0; i < row.size(); ++i) row.place[axis][i] += field[i];
}

void mirror_row(const VolumeSize& size, VolumeRow& row) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto last = static_cast<float>(size[axis] - 1);
    for (float& place : row.place[axis]) {
      if (place >= 0 && place <= last) continue;
      const float folded = last > 0 ? std::fmod(std::abs(place), 2 * last) : 0;
      place = std::min(folded, 2 * last - folded);
    }
  }
}

void find_row(const Geometry& geometry, std::int64_t z, std::int64_t y, VolumeRow& row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    row.place[0][i] = static_cast<float>(z);
    row.place[1][i] = static_cast<float>(y);
    row.place[2][i] = static_cast<float>(i);
  }
  const VolumeSize& size = geometry.size();
  const auto& maps = geometry.maps();
  for (auto map = maps.rbegin(); map != maps.rend(); ++map) {
    if (const auto* affine = std::get_if<AffineMap>(&*map)) {
      move_row(*affine, row);
    } else if (const auto* field = std::get_if<DisplacementMap>(&*map)) {
      if (map == maps.rbegin())
        displace_whole_voxels(*field, size, (z * size[1] + y) * size[2], row);
      else
        displace_row(*field, size, row);
    } else {
      mirror_row(size, row);
    }
  }
}

void split_row(const VolumeSize& size, VolumeRow& row) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto highest = static_cast<float>(size[axis] + 1);
    float* places = row.place[axis].data();
    std::int32_t *first = row.first[axis].data(), *nearest = row.nearest[axis].data();
    for (std::size_t i = 0; i < row.size(); ++i) {
      const float place = std::max(-2.0F, std::min(places[i], highest));
      const float whole = std::floor(place);
      first[i] = static_cast<std::int32_t>(whole);
      nearest[i] = static_cast<std::int32_t>(std::floor(place + 0.5F));
      places[i] = place - whole;
    }
  }
}

float at_volume_border(const float* in, const VolumeSize& size, const VolumeRow& row,
                       std::size_t i) {
  float sum = 0;
  for (std::size_t corner = 0; corner < 8; ++corner) {
    float weight = 1;
    std::int64_t index = 0;
    bool inside = true;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const std::int64_t step = corner >> axis & 1, place = row.first[axis][i] + step;
      const float fraction = row.place[axis][i];
      weight *= step != 0 ? fraction : 1 - fraction;
      inside = inside && place >= 0 && place < size[axis];
      index = index * size[axis] + place;
    }
    if (inside) sum += weight * in[index];
  }
  return sum;
}

void sample_trilinear(const float* in, const VolumeSize& size, const VolumeRow& row, float* out) {
  Cell cell{0, {size[1] * size[2], size[2], 1}, {}};
  std::array<std::uint32_t, 3> last{};
  for (std::size_t axis = 0; axis < 3; ++axis)
    last[axis] = static_cast<std::uint32_t>(size[axis] - 1);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::int32_t z = row.first[0][i], y = row.first[1][i], x = row.first[2][i];
    if (static_cast<std::uint32_t>(z) < last[0] && static_cast<std::uint32_t>(y) < last[1] &&
        static_cast<std::uint32_t>(x) < last[2]) {
      cell.fraction = {row.place[0][i], row.place[1][i], row.place[2][i]};
      out[i] = trilinear(in + (z * size[1] + y) * size[2] + x, cell);
    } else {
      out[i] = at_volume_border(in, size, row, i);
    }
  }
}

void sample_labels(const std::int16_t* in, const VolumeSize& size, const VolumeRow& row,
                   std::int16_t* out) {
  std::array<std::uint32_t, 3> sides{};
  for (std::size_t axis = 0; axis < 3; ++axis) sides[axis] = static_cast<std::uint32_t>(size[axis]);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::int32_t z = row.nearest[0][i], y = row.nearest[1][i], x = row.nearest[2][i];
    const bool inside = static_cast<std::uint32_t>(z) < sides[0] &&
                        static_cast<std::uint32_t>(y) < sides[1] &&
                        static_cast<std::uint32_t>(x) < sides[2];
    out[i] = inside ? in[(z * size[1] + y) * size[2] + x] : static_cast<std::int16_t>(kIgnored);
  }
}

}  // namespace

void warp_volume(const Geometry& geometry, View& view) {
  const VolumeSize& size = geometry.size();
  const std::int64_t voxels = size[0] * size[1] * size[2];
  const torch::Tensor image = view.image.contiguous(), labels = view.labels.contiguous();
  view.image = torch::empty_like(image);
  view.labels = torch::empty_like(labels);
  VolumeRow row(size[2]);
  for (std::int64_t start = 0; start < voxels; start += size[2]) {
    const std::int64_t line = start / size[2];
    find_row(geometry, line / size[1], line % size[1], row);
    split_row(size, row);
    for (std::int64_t c = 0; c < image.size(0); ++c)
      sample_trilinear(image.const_data_ptr<float>() + c * voxels, size, row,
                       view.image.mutable_data_ptr<float>() + c * voxels + start);
    sample_labels(labels.const_data_ptr<std::int16_t>(), size, row,
                  view.labels.mutable_data_ptr<std::int16_t>() + start);
  }
}

}  // namespace medsweep::datasets
