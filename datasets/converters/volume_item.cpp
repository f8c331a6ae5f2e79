#include "datasets/converters/volume_item.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "datasets/converters/image_files.h"
#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/nifti_volume.h"
#include "datasets/converters/resample.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

bool is_nifti(const fs::path& path) {
  const std::string ending = ending_of(path);
  return ending == ".nii" || ending == ".nii.gz";
}

/// [C, D, H, W]
NiftiVolume read_channels(const fs::path& path) {
  if (is_nifti(path)) return read_nifti_channels(path);
  return {.voxels = read_image(path, ColorKind::kStored).unsqueeze(1), .spacing = {}};
}

/// [D, H, W]
NiftiVolume read_codes(const fs::path& path) {
  if (is_nifti(path)) return read_nifti_codes(path);
  return {.voxels = read_label_image(path).unsqueeze(0), .spacing = {}};
}

/// The last three axes are compared.
void check_same_grid(const NiftiVolume& volume, const fs::path& path, const NiftiVolume& image,
                     const fs::path& image_path) {
  const auto size = volume.voxels.sizes().slice(static_cast<std::size_t>(volume.voxels.dim() - 3));
  const auto expected = image.voxels.sizes().slice(1);
  if (size != expected)
    throw std::invalid_argument(fmt::format(
        "[{}] {} voxels, but its image {} has {}; equal sizes are needed", path.string(),
        fmt::join(size, " x "), image_path.filename().string(), fmt::join(expected, " x ")));
  if (!axes_agree(volume.affine, image.affine))
    throw std::invalid_argument(
        fmt::format("[{}] its axes run in other directions than those of its image {}; one "
                    "orientation is needed",
                    path.string(), image_path.filename().string()));
}

RawSample slice_of(const Volume& volume, std::int64_t slice, SampleId id) {
  const auto plane = [&](const torch::Tensor& of) { return of.defined() ? of[slice] : of; };
  id.slice = slice;
  // A picture without a place is no slice of a volume.
  id.name =
      volume.geometry.spacing.empty() ? id.case_name : fmt::format("{}/{}", id.case_name, slice);
  return {.image = volume.image.select(1, slice).contiguous(),
          .labels = plane(volume.labels),
          .field_of_view = plane(volume.field_of_view),
          .id = std::move(id)};
}

Volume resampled(const Volume& volume, const std::vector<double>& spacing) {
  const auto size = [&](std::int64_t axis) { return volume.image.size(axis); };
  const Grid grid = grid_of({size(1), size(2), size(3)}, volume.geometry.spacing, spacing);
  const auto plane = [&](const torch::Tensor& of) {
    return of.defined() ? resample_labels(of, grid) : of;
  };
  return {.image = resample_image(volume.image, grid),
          .labels = plane(volume.labels),
          .field_of_view = plane(volume.field_of_view),
          .geometry = regridded(volume.geometry, grid.first, grid.step)};
}

}  // namespace

Volume read_volume(const VolumeFiles& files, const VolumeLabels& labels) {
  std::vector<torch::Tensor> channels;
  const NiftiVolume first = read_channels(files.images.front());
  channels.push_back(first.voxels);
  for (std::size_t i = 1; i < files.images.size(); ++i) {
    const NiftiVolume next = read_channels(files.images[i]);
    check_same_grid(next, files.images[i], first, files.images.front());
    channels.push_back(next.voxels);
  }
  Volume volume{.image = channels.size() == 1 ? first.voxels : torch::cat(channels),
                .geometry = {first.spacing, first.affine}};
  if (files.labels.empty()) return volume;
  NiftiVolume codes = read_codes(files.labels);
  check_same_grid(codes, files.labels, first, files.images.front());
  if (labels.ignored >= 0) {
    volume.field_of_view = codes.voxels.ne(labels.ignored).to(torch::kUInt8);
    codes.voxels = codes.voxels.masked_fill(codes.voxels.eq(labels.ignored), 0);
  }
  volume.labels = labels.map.labels_of(codes.voxels, files.labels.string());
  return volume;
}

std::vector<RawSample> volume_samples(const Volume& given, const SampleId& id,
                                      std::int64_t dimension, const std::vector<double>& spacing) {
  const Volume volume = spacing.empty() ? given : resampled(given, spacing);
  SampleId placed = id;
  placed.name = placed.case_name;
  placed.spacing = volume.geometry.spacing;
  placed.affine = volume.geometry.affine;
  if (dimension == 3)
    return {{.image = volume.image,
             .labels = volume.labels,
             .field_of_view = volume.field_of_view,
             .id = std::move(placed)}};
  std::vector<RawSample> samples;
  for (std::int64_t slice = 0; slice < volume.image.size(1); ++slice)
    samples.push_back(slice_of(volume, slice, placed));
  return samples;
}

std::int64_t dimension_of(const ConverterOptions& options, std::int64_t own) {
  const std::int64_t dimension = options.dimension == 0 ? own : options.dimension;
  if (dimension != 2 && dimension != 3)
    throw std::invalid_argument(
        fmt::format("[dimension] {}; 2 (slices) and 3 (volumes) are allowed", dimension));
  return dimension;
}

ConversionItem volume_item(const VolumeFiles& files,
                           const std::shared_ptr<const VolumeLabels>& labels,
                           std::int64_t dimension, const ConverterOptions& options) {
  ConversionItem item{.name = files.id.case_name, .files = files.images};
  if (!files.labels.empty()) item.files.push_back(files.labels);
  item.read = [files, labels, dimension, spacing = options.spacing] {
    try {
      return volume_samples(read_volume(files, *labels), files.id, dimension, spacing);
    } catch (const c10::Error& error) {
      throw std::runtime_error(
          fmt::format("[{}] {}", files.images.front().string(), error.what_without_backtrace()));
    }
  };
  return item;
}

std::function<std::string(const std::string&)> patient_namer(const ConverterOptions& options) {
  if (options.patient_key.empty()) return [](const std::string& name) { return name; };
  return [hash = PatientHash(options)](const std::string& name) { return hash(name); };
}

void plan_part(ConversionPlan& plan, const ConverterOptions& options,
               const std::function<void()>& part) {
  try {
    part();
  } catch (const std::invalid_argument& error) {
    refuse_part(plan, options, error.what());
  } catch (const std::runtime_error& error) {
    if (options.on_bad == ConverterOptions::OnBad::kStop) throw;
    plan.skipped.push_back(error.what());
  }
}

}  // namespace medsweep::datasets
