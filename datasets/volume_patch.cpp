#include "datasets/volume_patch.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <stdexcept>

#include "datasets/foreground.h"
#include "datasets/patch_axis.h"

namespace medsweep::datasets {
namespace {

using Sides = std::array<std::int64_t, 3>;  // D, H, W

Sides sides_of(const Extent& extent) { return {extent.depth, extent.height, extent.width}; }

Extent extent_of(const Sides& sides) { return {sides[1], sides[2], sides[0]}; }

std::string extent_text(const Extent& extent) {
  return fmt::format("{} x {} x {}", extent.depth, extent.height, extent.width);
}

void check_voxels(const char* what, const Extent& extent) {
  if (extent.depth < 1 || extent.height < 1 || extent.width < 1)
    throw std::invalid_argument(
        fmt::format("[patch] {} of {}; at least 1 x 1 x 1 is allowed", what, extent_text(extent)));
}

Box box_from(const Sides& wanted, const Sides& volume, const Extent& patch) {
  const Sides sides = sides_of(patch);
  Box box{{}, patch};
  for (std::size_t axis = 0; axis < 3; ++axis)
    box.first[axis] = patch_start(wanted[axis], volume[axis], sides[axis]);
  return box;
}

// What a side becomes when its plane turns by up to `degrees`, towards a side of length `other`:
// it grows until the diagonal stands on it.
double turned(double side, double other, double degrees) {
  const double angle = std::min(degrees * std::numbers::pi / 180, std::atan2(other, side));
  return side * std::cos(angle) + other * std::sin(angle);
}

}  // namespace

Box draw_box(const Extent& volume, const Extent& patch, RandomStream& stream) {
  const Sides sides = sides_of(volume), of_patch = sides_of(patch);
  Sides wanted{};
  for (std::size_t axis = 0; axis < 3; ++axis)
    wanted[axis] = stream.below(std::max<std::int64_t>(sides[axis] - of_patch[axis], 0) + 1);
  return box_from(wanted, sides, patch);
}

Box draw_box(const torch::Tensor& labels, const PatchOptions& options, RandomStream& stream) {
  const Sides sides{labels.size(0), labels.size(1), labels.size(2)};
  std::optional<std::int64_t> centre;
  if (stream.chance(options.foreground)) centre = draw_foreground(labels, stream);
  if (!centre) return draw_box(extent_of(sides), options.extent, stream);
  const Sides patch = sides_of(options.extent);
  const Sides voxel{*centre / (sides[1] * sides[2]), *centre / sides[2] % sides[1],
                    *centre % sides[2]};
  return box_from({voxel[0] - patch[0] / 2, voxel[1] - patch[1] / 2, voxel[2] - patch[2] / 2},
                  sides, options.extent);
}

Box with_context(const Box& box, const Augmentation& augmentation,
                 const std::array<double, 3>& spacing) {
  const Augmentation& change = augmentation;
  if (change.degrees == 0 && change.tilt == 0 && change.stretch == 1 && change.pixels == 0)
    return box;
  const Sides own = sides_of(box.extent);
  std::array<double, 3> side{};  // in space
  for (std::size_t axis = 0; axis < 3; ++axis)
    side[axis] = static_cast<double>(own[axis]) * change.stretch * spacing[axis];
  const auto turn = [&side](std::size_t first, std::size_t second, double degrees) {
    const double before = side[first];
    side[first] = turned(before, side[second], degrees);
    side[second] = turned(side[second], before, degrees);
  };
  turn(1, 2, change.degrees);
  turn(0, 2, change.tilt);
  turn(0, 1, change.tilt);
  Box larger;
  Sides sides{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double reach = change.pixels * spacing[2] / spacing[axis];
    const double grown = side[axis] / spacing[axis] - static_cast<double>(own[axis]);
    const auto margin = static_cast<std::int64_t>(std::ceil(grown / 2 + reach)) + 1;
    larger.first[axis] = box.first[axis] - margin;
    sides[axis] = own[axis] + 2 * margin;
  }
  larger.extent = extent_of(sides);
  return larger;
}

Box intersection(const Box& box, const Extent& volume) {
  const Sides sides = sides_of(box.extent), limits = sides_of(volume);
  Box own;
  Sides left{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    own.first[axis] = std::clamp<std::int64_t>(box.first[axis], 0, limits[axis]);
    left[axis] =
        std::clamp<std::int64_t>(box.first[axis] + sides[axis], 0, limits[axis]) - own.first[axis];
  }
  own.extent = extent_of(left);
  return own;
}

torch::Tensor cut(const torch::Tensor& tensor, const Box& box, double fill) {
  const Box own = intersection(box, {tensor.size(-2), tensor.size(-1), tensor.size(-3)});
  const Sides sides = sides_of(own.extent), wanted = sides_of(box.extent);
  torch::Tensor inside = tensor;
  std::vector<std::int64_t> padding;  // the last axis first
  for (std::size_t axis = 3; axis-- > 0;) {
    inside = inside.narrow(static_cast<std::int64_t>(axis) - 3, own.first[axis], sides[axis]);
    const std::int64_t before = own.first[axis] - box.first[axis];
    padding.insert(padding.end(), {before, wanted[axis] - sides[axis] - before});
  }
  return own == box ? inside : torch::constant_pad_nd(inside, padding, fill);
}

std::vector<Box> boxes(const Extent& volume, const Extent& patch, double overlap) {
  check_voxels("a volume", volume);
  check_voxels("a patch", patch);
  if (!(overlap >= 0 && overlap < 1))
    throw std::invalid_argument(
        fmt::format("[patch.overlap] {}; at least 0 and less than 1 is allowed", overlap));
  std::vector<Box> list;
  for (const std::int64_t z : tile_starts(volume.depth, patch.depth, overlap))
    for (const std::int64_t y : tile_starts(volume.height, patch.height, overlap))
      for (const std::int64_t x : tile_starts(volume.width, patch.width, overlap))
        list.push_back({{z, y, x}, patch});
  return list;
}

VolumeMosaic::VolumeMosaic(const Extent& volume, const Extent& patch, TileWeight weight)
    : volume_(volume), total_(torch::zeros({volume.depth, volume.height, volume.width})) {
  check_voxels("a volume", volume);
  check_voxels("a patch", patch);
  weights_ = torch::ones({patch.depth, patch.height, patch.width});
  if (weight == TileWeight::kConstant) return;
  const torch::Tensor bells = bell(patch.depth).reshape({-1, 1, 1}) *
                              bell(patch.height).reshape({-1, 1}) * bell(patch.width);
  weights_ = (bells / bells.max()).clamp_min(1e-6).to(torch::kFloat32);
}

void VolumeMosaic::add(const Box& box, const torch::Tensor& probabilities) {
  const Extent patch{weights_.size(1), weights_.size(2), weights_.size(0)};
  const Box inside = intersection(box, volume_);
  const Sides sides = sides_of(inside.extent);
  const bool touches = sides[0] > 0 && sides[1] > 0 && sides[2] > 0 && inside.first == box.first;
  if (!(box.extent == patch) || !touches || probabilities.dim() != 4 ||
      !probabilities[0].sizes().equals(weights_.sizes()))
    throw std::invalid_argument(fmt::format(
        "[patch] a box of {} at ({}, {}, {}); {} within {} is allowed", extent_text(box.extent),
        box.first[0], box.first[1], box.first[2], extent_text(patch), extent_text(volume_)));
  if (!sum_.defined())
    sum_ = torch::zeros({probabilities.size(0), volume_.depth, volume_.height, volume_.width});
  const Box part{{}, inside.extent};
  cut(sum_, inside, 0).addcmul_(cut(probabilities, part, 0), cut(weights_, part, 0));
  cut(total_, inside, 0).add_(cut(weights_, part, 0));
}

torch::Tensor VolumeMosaic::result() const {
  if (!sum_.defined() || total_.min().item<float>() <= 0)
    throw std::logic_error("[patch] a voxel of the volume lies in no box");
  return sum_ / total_;
}

}  // namespace medsweep::datasets
