#include "datasets/converters/phantom_lungs.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "datasets/converters/phantom_canvas.h"
#include "datasets/converters/phantom_chest.h"

namespace medsweep::datasets {
namespace {

constexpr double kChestNoise = 7, kChestWidthMillimetres = 400;
enum ChestStream : std::uint64_t { kAnatomy, kChestTexture, kHaze, kChestPixels };

/// Brightens a place at a lung's border, wherever that is in the image.
void add_haze(Canvas& canvas, const PhantomChest& chest, RandomStream stream) {
  const bool left = stream.chance(0.5);
  const PhantomLung& lung = left ? chest.left : chest.right;
  const double row = stream.chance(0.6) ? lung.bottom - stream.uniform(0.02, 0.15)
                                        : lung.top + stream.uniform(0.05, 0.25);
  const double column = chest.middle + (left ? 1 : -1) * stream.uniform(0.12, 0.30);
  const double height = stream.uniform(0.05, 0.10), width = stream.uniform(0.05, 0.10);
  const double strength = stream.uniform(35, 70);
  const auto side = static_cast<double>(canvas.extent.height);
  for (std::int64_t y = 0; y < canvas.extent.height; ++y)
    for (std::int64_t x = 0; x < canvas.extent.width; ++x)
      canvas.at(y, x) +=
          strength *
          std::exp(-0.5 * (std::pow(((static_cast<double>(y) + 0.5) / side - row) / height, 2) +
                           std::pow(((static_cast<double>(x) + 0.5) / side - column) / width, 2)));
}

/// A box and a mask for each label that is there.
Instances lung_instances(const torch::Tensor& labels) {
  std::vector<std::int64_t> boxes, classes;
  std::vector<torch::Tensor> masks;
  for (const std::int64_t label : {1, 2}) {
    const torch::Tensor mask = labels.eq(label), places = mask.nonzero();  // [n, 2]
    if (places.size(0) == 0) continue;
    const torch::Tensor low = std::get<0>(places.min(0)), end = std::get<0>(places.max(0)) + 1;
    for (const torch::Tensor& corner : {low[1], low[0], end[1], end[0]})
      boxes.push_back(corner.item<std::int64_t>());
    classes.push_back(label);
    masks.push_back(mask.to(torch::kUInt8));
  }
  const auto count = static_cast<std::int64_t>(classes.size());
  return {.boxes = torch::tensor(boxes).reshape({count, 4}).to(torch::kFloat32),
          .labels = torch::tensor(classes).to(torch::kUInt8),
          .ignore = torch::zeros({count}, torch::kUInt8),
          .masks = torch::stack(masks)};
}

std::vector<RawSample> draw_chest(const PhantomOptions& options, std::int64_t patient) {
  return {phantom_chest_image(options, patient)};
}

}  // namespace

RawSample phantom_chest_image(const PhantomOptions& options, std::int64_t patient) {
  const auto stream = [&](ChestStream purpose) {
    return phantom_stream(options, PhantomStream::kLungs, patient, purpose);
  };
  const PhantomChest chest = make_chest(stream(kAnatomy));
  Canvas canvas = chest_canvas(chest, options.size, stream(kChestTexture));
  RawSample sample;
  sample.id.name = sample.id.case_name = sample.id.patient = phantom_patient(patient);
  sample.id.group = patient % 2 == 1 ? "abnormal" : "normal";
  sample.id.source = "phantom";
  const double pixel = kChestWidthMillimetres / static_cast<double>(options.size);
  sample.id.spacing = {1, pixel, pixel};
  if (patient % 2 == 1) add_haze(canvas, chest, stream(kHaze));
  sample.image = torch::empty({1, options.size, options.size}, torch::kUInt8);
  store_with_noise(canvas, kChestNoise, stream(kChestPixels), sample.image[0]);
  sample.labels = chest_labels(chest, options.size);
  sample.instances = lung_instances(sample.labels);
  return sample;
}

ConversionPlan plan_lungs(const ConverterOptions& options) {
  check_phantom(options, 2);
  return {
      .header = {.name = "phantom_lungs", .classes = {"left_lung", "right_lung"}, .channels = 1},
      .items = phantom_items(options.phantom, draw_chest)};
}

}  // namespace medsweep::datasets
