#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/converters/volume_geometry.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// The samples of a file that are one volume, in the order of their slices.
struct StoredCase {
  std::string name;                   ///< as a file's, unique
  std::vector<std::int64_t> samples;  ///< of a file of volumes: one
};

/// The cases of a file in the order of their first samples. Throws std::invalid_argument that names
/// the file and the case where two slices have one number, or some between are missing.
std::vector<StoredCase> cases_of(const DataFile& file);

/// A case put together again.
struct CaseVolume {
  torch::Tensor image;              ///< [C, D, H, W]
  torch::Tensor labels{};           ///< [D, H, W] uint8; undefined where nobody drew any
  torch::Tensor field_of_view{};    ///< [D, H, W] uint8; undefined where all counts
  torch::Tensor second_observer{};  ///< as labels
  VolumeGeometry geometry{};
  SampleId id{};  ///< of its first sample
  bool has_instances = false;
};

/// Throws std::invalid_argument where the slices' sizes or types differ, or only some have labels;
/// else as DataFile::read.
CaseVolume read_case(const DataFile& file, const StoredCase& stored);

}  // namespace medsweep::datasets
