#include "datasets/converters/phantom_opacities.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "datasets/converters/phantom_canvas.h"
#include "datasets/converters/phantom_chest.h"

namespace medsweep::datasets {
namespace {

constexpr double kOpacityNoise = 7, kBoxLevel = 0.3;  // of an opacity's peak: where its box ends
enum OpacityStream : std::uint64_t {
  kOpacityChest,
  kOpacityTexture,
  kPlaces,
  kOpacityPixels,
  kOpacityShape
};

/// A soft bright place, in units of the side; half widths at 61 % of its peak.
struct Opacity {
  double row, column, height, width, angle, strength;

  double at(double y, double x) const {
    const double dy = y - row, dx = x - column;
    const double along = (std::cos(angle) * dx + std::sin(angle) * dy) / width;
    const double across = (std::cos(angle) * dy - std::sin(angle) * dx) / height;
    return std::exp(-0.5 * (along * along + across * across));
  }
};

using OpacityBox = std::array<std::int64_t, 4>;  // x1, y1, x2, y2

bool far_from(const std::vector<Opacity>& others, const Opacity& one) {
  return std::ranges::all_of(others, [&](const Opacity& other) {
    return std::hypot(one.row - other.row, one.column - other.column) > 0.2;
  });
}

/// In the lungs, apart from each other; fewer where no room is found.
std::vector<Opacity> place_opacities(const PhantomChest& chest, RandomStream stream) {
  std::vector<Opacity> opacities;
  const std::int64_t count = 1 + stream.below(3);
  for (int attempt = 0; attempt < 400 && std::ssize(opacities) < count; ++attempt) {
    const Opacity one{stream.uniform(0.2, 0.85),   stream.uniform(0.12, 0.88),
                      stream.uniform(0.03, 0.075), stream.uniform(0.03, 0.06),
                      stream.uniform(-0.6, 0.6),   stream.uniform(38, 75)};
    const bool inside = lung_at(chest, one.row, one.column) != 0 &&
                        lung_at(chest, one.row, one.column - 0.03) != 0 &&
                        lung_at(chest, one.row, one.column + 0.03) != 0;
    if (inside && far_from(opacities, one)) opacities.push_back(one);
  }
  return opacities;
}

/// Adds the opacity, mottled by `shape`; the box of what is above kBoxLevel of its peak.
OpacityBox add_opacity(Canvas& canvas, const Opacity& opacity, const Canvas& shape) {
  const std::int64_t size = canvas.extent.height;
  OpacityBox box{size, size, 0, 0};
  for (std::int64_t i = 0; i < size; ++i)
    for (std::int64_t j = 0; j < size; ++j) {
      const double share = opacity.at((static_cast<double>(i) + 0.5) / static_cast<double>(size),
                                      (static_cast<double>(j) + 0.5) / static_cast<double>(size));
      canvas.at(i, j) += opacity.strength * share * std::max(0.2, 1 + 0.35 * shape.at(i, j));
      if (share < kBoxLevel) continue;
      box = {std::min(box[0], j), std::min(box[1], i), std::max(box[2], j + 1),
             std::max(box[3], i + 1)};
    }
  return box;
}

Instances box_instances(const std::vector<OpacityBox>& boxes, std::int64_t size) {
  const auto count = static_cast<std::int64_t>(boxes.size());
  Instances objects{.boxes = torch::empty({count, 4}),
                    .labels = torch::ones({count}, torch::kUInt8),
                    .ignore = torch::zeros({count}, torch::kUInt8),
                    .masks = torch::zeros({count, size, size}, torch::kUInt8)};
  for (std::int64_t n = 0; n < count; ++n) {
    const OpacityBox& box = boxes[static_cast<std::size_t>(n)];
    for (std::int64_t k = 0; k < 4; ++k)
      objects.boxes[n][k] = static_cast<float>(box[static_cast<std::size_t>(k)]);
    objects.masks[n].slice(0, box[1], box[3]).slice(1, box[0], box[2]).fill_(1);
  }
  return objects;
}

/// What is not normal and no opacity either: a bright dot, far smaller than any box.
void add_nodule(Canvas& canvas, RandomStream stream) {
  const Opacity nodule{
      stream.uniform(0.3, 0.7), stream.chance(0.5) ? 0.3 : 0.7, 0.008, 0.008, 0, 60};
  add_opacity(canvas, nodule, Canvas(canvas.extent));
}

std::string_view opacity_group(std::int64_t patient) {
  if (patient % 2 == 1) return "lung_opacity";
  return patient % 4 == 0 ? "normal" : "no_lung_opacity_not_normal";
}

std::vector<RawSample> draw_opacities(const PhantomOptions& options, std::int64_t patient) {
  return {phantom_opacity_image(options, patient)};
}

}  // namespace

RawSample phantom_opacity_image(const PhantomOptions& options, std::int64_t patient) {
  const auto stream = [&](OpacityStream purpose) {
    return phantom_stream(options, PhantomStream::kOpacities, patient, purpose);
  };
  const std::string_view group = opacity_group(patient);
  PhantomChest chest = make_chest(stream(kOpacityChest));
  if (group.starts_with("no_")) chest.heart_radius *= 1.2;
  Canvas canvas = chest_canvas(chest, options.size, stream(kOpacityTexture));
  std::vector<OpacityBox> boxes;
  if (group == "lung_opacity") {
    const Canvas shape = smooth_noise(canvas.extent, 16, stream(kOpacityShape));
    for (const Opacity& opacity : place_opacities(chest, stream(kPlaces)))
      boxes.push_back(add_opacity(canvas, opacity, shape));
  } else if (group != "normal") {
    add_nodule(canvas, stream(kPlaces));
  }
  RawSample sample;
  sample.id.name = sample.id.case_name = sample.id.patient = phantom_patient(patient);
  sample.id.group = group;
  sample.id.source = "phantom";
  sample.image = torch::empty({1, options.size, options.size}, torch::kUInt8);
  store_with_noise(canvas, kOpacityNoise, stream(kOpacityPixels), sample.image[0]);
  sample.instances = box_instances(boxes, options.size);
  sample.labels = boxes.empty() ? torch::zeros({options.size, options.size}, torch::kUInt8)
                                : sample.instances.masks.amax(0);
  return sample;
}

ConversionPlan plan_opacities(const ConverterOptions& options) {
  check_phantom(options, 2);
  return {.header = {.name = "phantom_opacities", .classes = {"lung_opacity"}, .channels = 1},
          .items = phantom_items(options.phantom, draw_opacities)};
}

}  // namespace medsweep::datasets
