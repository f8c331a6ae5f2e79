#include "datasets/converters/manifest_sample.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "datasets/augmentation/boxes.h"
#include "datasets/converters/volume_item.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

/// A manifest's object: where it is, and the label of its class.
struct ManifestObject {
  torch::Tensor mask;  // [D, H, W] uint8
  std::int64_t label = 0;
};

void check_grid_of(const AnyImage& other, const fs::path& path, const AnyImage& image,
                   const fs::path& image_path) {
  const auto size = other.voxels.sizes().slice(static_cast<std::size_t>(other.voxels.dim() - 3)),
             wanted = image.voxels.sizes().slice(1);
  if (size != wanted)
    throw std::invalid_argument(fmt::format(
        "[{}] {} pixels, but its image {} has {}; equal sizes are needed", path.string(),
        fmt::join(size, " x "), image_path.filename().string(), fmt::join(wanted, " x ")));
  if (!axes_agree(other.geometry.affine, image.geometry.affine))
    throw std::invalid_argument(
        fmt::format("[{}] its axes run in other directions than those of its image {}; one "
                    "orientation is needed",
                    path.string(), image_path.filename().string()));
}

AnyImage read_entry_image(const ManifestEntry& entry, const ManifestReading& reading) {
  AnyImage image = read_any_image(entry.images.front(), reading.image);
  std::vector<torch::Tensor> channels{image.voxels};
  for (std::size_t i = 1; i < entry.images.size(); ++i) {
    const AnyImage next = read_any_image(entry.images[i], reading.image);
    check_grid_of(next, entry.images[i], image, entry.images.front());
    channels.push_back(next.voxels);
  }
  if (channels.size() > 1) image.voxels = torch::cat(channels);
  if (image.voxels.size(0) != reading.channels)
    throw std::invalid_argument(fmt::format(
        "[{}] {} channels, but the first image has {}; --color rgb or gray makes pictures alike",
        entry.images.front().string(), image.voxels.size(0), reading.channels));
  return image;
}

/// Of the classes that are wanted.
std::vector<ManifestObject> read_objects(const ManifestEntry& entry, const AnyImage& image,
                                         const ManifestReading& reading) {
  std::vector<ManifestObject> objects;
  for (const ManifestMask& mask : entry.masks) {
    const auto found = std::ranges::find(reading.classes, mask.class_name);
    if (found == reading.classes.end()) continue;
    AnyImage read = read_any_mask(mask.path);
    check_grid_of(read, mask.path, image, entry.images.front());
    if (read.voxels.any().item<bool>())
      objects.push_back({read.voxels, found - reading.classes.begin() + 1});
  }
  return objects;
}

/// [D, H, W]: later objects lie over earlier ones.
torch::Tensor labels_of_objects(const std::vector<ManifestObject>& objects, const AnyImage& image) {
  torch::Tensor labels = torch::zeros(image.voxels.sizes().slice(1), torch::kUInt8);
  for (const ManifestObject& object : objects) labels.masked_fill_(object.mask.ne(0), object.label);
  return labels;
}

Instances instances_of(const std::vector<ManifestObject>& objects, const AnyImage& image) {
  const auto count = std::ssize(objects);
  const std::int64_t height = image.voxels.size(2), width = image.voxels.size(3);
  Instances found{.labels = torch::zeros({count}, torch::kUInt8),
                  .ignore = torch::zeros({count}, torch::kUInt8),
                  .masks = torch::zeros({count, height, width}, torch::kUInt8)};
  for (std::int64_t i = 0; i < count; ++i) {
    const ManifestObject& object = objects[static_cast<std::size_t>(i)];
    found.labels[i] = object.label;
    found.masks[i] = object.mask[0];
  }
  found.boxes = bounds_of(found.masks);
  return found;
}

std::vector<RawSample> samples_of(const ManifestEntry& entry, const ManifestReading& reading) {
  const AnyImage image = read_entry_image(entry, reading);
  Volume volume{.image = image.voxels, .geometry = image.geometry};
  const bool is_picture = reading.image.dimension == 2 && image.voxels.size(1) == 1;
  Instances instances;
  if (!entry.masks.empty() && reading.masks == ManifestMasks::kObjects) {
    const std::vector<ManifestObject> objects = read_objects(entry, image, reading);
    volume.labels = labels_of_objects(objects, image);
    if (is_picture && reading.spacing.empty()) instances = instances_of(objects, image);
  } else if (!entry.masks.empty()) {
    const fs::path& path = entry.masks.front().path;
    const AnyImage codes = read_any_codes(path);
    check_grid_of(codes, path, image, entry.images.front());
    volume.labels = reading.labels->labels_of(codes.voxels, path.string());
  }
  SampleId id;
  id.case_name = entry.sample;
  id.group = entry.group;
  id.source = entry.source;
  id.patient = reading.patient(entry.patient, entry.sample, image.identity);
  id.fold = entry.fold;
  std::vector<RawSample> samples =
      volume_samples(volume, id, reading.image.dimension, reading.spacing);
  for (RawSample& sample : samples)
    sample.id.name = is_picture || reading.image.dimension == 3
                         ? entry.sample
                         : fmt::format("{}/{}", entry.sample, sample.id.slice);
  if (instances.defined()) samples.front().instances = instances;
  return samples;
}

}  // namespace

std::vector<RawSample> read_manifest_entry(const ManifestEntry& entry,
                                           const ManifestReading& reading) {
  try {
    return samples_of(entry, reading);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(fmt::format("{} {}", entry.place, error.what()));
  } catch (const c10::Error& error) {
    throw std::runtime_error(fmt::format("{} {}", entry.place, error.what_without_backtrace()));
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(fmt::format("{} {}", entry.place, error.what()));
  }
}

}  // namespace medsweep::datasets
