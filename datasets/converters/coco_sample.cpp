#include "datasets/converters/coco_sample.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace medsweep::datasets {
namespace {

Instances coco_instances(const CocoSet& set, std::size_t image) {
  const std::vector<std::size_t>& rows = set.objects[image];
  const CocoImage& size = set.annotations.images[image];
  const auto count = std::ssize(rows);
  Instances instances{.boxes = torch::empty({count, 4}, torch::kFloat32),
                      .labels = torch::empty({count}, torch::kUInt8),
                      .ignore = torch::empty({count}, torch::kUInt8),
                      .masks = {}};
  if (set.masks) instances.masks = torch::empty({count, size.height, size.width}, torch::kUInt8);
  for (std::int64_t i = 0; i < count; ++i) {
    const CocoObject& object = set.annotations.objects[rows[static_cast<std::size_t>(i)]];
    std::ranges::copy(object.box, instances.boxes[i].mutable_data_ptr<float>());
    instances.labels[i] = set.labels[object.category];
    instances.ignore[i] = object.crowd ? 1 : 0;
    if (!set.masks) continue;
    const std::vector<std::uint8_t> mask =
        mask_of(object, size, fmt::format("{}: annotation {}", set.json.string(), object.id));
    std::memcpy(instances.masks[i].mutable_data_ptr(), mask.data(), mask.size());
  }
  return instances;
}

}  // namespace

void paint_objects(RawSample& sample) {
  const Instances& objects = sample.instances;
  const std::int64_t count = objects.boxes.size(0);
  std::vector<std::pair<std::int64_t, std::int64_t>> order;  // minus the area, row
  for (std::int64_t i = 0; i < count; ++i)
    order.emplace_back(-objects.masks[i].sum().item<std::int64_t>(), i);
  std::ranges::sort(order);
  sample.labels = torch::zeros(sample.image.sizes().slice(1), torch::kUInt8);
  torch::Tensor crowds = torch::zeros_like(sample.labels);
  for (const auto& [area, i] : order) {
    const torch::Tensor mask = objects.masks[i].to(torch::kBool);
    if (objects.ignore[i].item<bool>())
      crowds.masked_fill_(mask, 1);
    else
      sample.labels.masked_fill_(mask, objects.labels[i].item<std::int64_t>());
  }
  if (objects.ignore.any().item<bool>())
    sample.field_of_view = crowds.eq(0).logical_or(sample.labels.ne(0)).to(torch::kUInt8);
}

RawSample read_coco_sample(const CocoSet& set, std::size_t image,
                           const std::filesystem::path& file) {
  const CocoImage& annotated = set.annotations.images[image];
  RawSample sample{.image = read_image(file, set.color)};
  if (sample.image.scalar_type() != torch::kUInt8)
    throw std::invalid_argument(
        fmt::format("[{}] more than 8 bits a channel; 8 are allowed", file.string()));
  if (sample.image.size(1) != annotated.height || sample.image.size(2) != annotated.width)
    throw std::invalid_argument(
        fmt::format("[{}] {} x {} pixels, but {} says {} x {} (height x width)", file.string(),
                    sample.image.size(1), sample.image.size(2), set.json.filename().string(),
                    annotated.height, annotated.width));
  sample.instances = coco_instances(set, image);
  if (set.masks) paint_objects(sample);
  return sample;
}

}  // namespace medsweep::datasets
