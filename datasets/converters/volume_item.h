#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "datasets/converters/conversion.h"
#include "datasets/converters/label_map.h"
#include "datasets/converters/volume_geometry.h"

namespace medsweep::datasets {

/// The files of one volume, and whose it is.
struct VolumeFiles {
  SampleId id{};  ///< case_name, patient, group, source and fold
  /// One a channel; a NIfTI may hold several in its fourth axis. An image of image_files.h is a
  /// volume of one slice without a place.
  std::vector<std::filesystem::path> images{};
  std::filesystem::path labels{};  ///< empty where nobody drew any
};

/// A volume on its way to samples. Its axes stay as the file has them.
struct Volume {
  torch::Tensor image;            ///< [C, D, H, W] uint8, int16 or float32
  torch::Tensor labels{};         ///< [D, H, W] uint8; undefined where nobody drew any
  torch::Tensor field_of_view{};  ///< [D, H, W] uint8, 0 or 1; undefined where all counts
  VolumeGeometry geometry{};
};

/// Which codes of the label files mean what.
struct VolumeLabels {
  LabelMap map;
  std::int64_t ignored = -1;  ///< the code of voxels that do not count; -1: none
};

/// Throws std::invalid_argument that names both files where sizes or the axes' directions differ,
/// and for an unknown label; else as read_nifti and read_image.
Volume read_volume(const VolumeFiles& files, const VolumeLabels& labels);

/// Resampled to options.spacing where that is given, then [C, D, H, W] as one sample called by its
/// case (dimension 3), or each slice as one, "case/3" (2). All slices have the volume's affine.
std::vector<RawSample> volume_samples(const Volume& volume, const SampleId& id,
                                      std::int64_t dimension, const std::vector<double>& spacing);

/// options.dimension, `own` where it is 0. Throws std::invalid_argument for what is not 2 or 3.
std::int64_t dimension_of(const ConverterOptions& options, std::int64_t own);

/// The item that reads a volume, called by its case; `labels` is shared by the plan's items.
ConversionItem volume_item(const VolumeFiles& files,
                           const std::shared_ptr<const VolumeLabels>& labels,
                           std::int64_t dimension, const ConverterOptions& options);

/// What a patient is called: the name itself, its pseudonym where there is a key.
std::function<std::string(const std::string&)> patient_namer(const ConverterOptions& options);

/// Does a part of the planning; with OnBad::kSkip what it throws is a line of plan.skipped.
void plan_part(ConversionPlan& plan, const ConverterOptions& options,
               const std::function<void()>& part);

}  // namespace medsweep::datasets
