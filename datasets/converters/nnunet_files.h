#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "datasets/converters/volume_item.h"

namespace medsweep::datasets {

/// What a dataset.json of nnU-Net says.
struct NnunetDescription {
  std::string name;  ///< empty where it has none
  std::int64_t channels = 0;
  std::string ending;  ///< of image files: ".nii.gz"
  VolumeLabels labels;
  std::vector<Region> regions;  ///< empty where labels are single codes
};

/// Reads dataset.json in nnU-Net's second form ("channel_names", "labels": {"lv": 3}, lists of
/// codes for regions, "ignore", "file_ending") or its first, the Medical Segmentation Decathlon's
/// ("modality", "labels": {"3": "lv"}). Throws std::invalid_argument that names the file and the
/// key.
NnunetDescription read_nnunet_description(const std::filesystem::path& path);

/// splits_final.json: a list of {"train": [cases], "val": [cases]}; case -> the number of the fold
/// that validates it. Throws std::invalid_argument that names the file, and a case that two folds
/// validate.
std::map<std::string, std::int64_t> read_nnunet_splits(const std::filesystem::path& path);

}  // namespace medsweep::datasets
