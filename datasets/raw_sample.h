#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "datasets/batch.h"

namespace medsweep::datasets {

/// A sample as it is stored: nothing scaled, nothing cropped. Planes are [H, W], of volumes
/// [D, H, W].
struct RawSample {
  torch::Tensor image{};            ///< [C, H, W] or [C, D, H, W] uint8, int16 or float32
  torch::Tensor labels{};           ///< plane, uint8: 0 background, i = classes()[i - 1]; undefined
                                    ///< where nobody drew any
  torch::Tensor field_of_view{};    ///< plane, uint8, 0 or 1; undefined where the data has none
  torch::Tensor second_observer{};  ///< labels of another reader; undefined where there is none
  Instances instances{};            ///< of two-dimensional data; undefined where the data has none
  SampleId id{};
};

/// Which arrays of a sample are wanted.
struct Parts {
  bool image = true, labels = true, field_of_view = true, second_observer = true, instances = true;
};

/// Classes that are evaluated together and may overlap: whole tumour = {1, 2, 3}.
struct Region {
  std::string name;                  ///< "wt"
  std::vector<std::int64_t> labels;  ///< of the label map
  bool operator==(const Region&) const = default;
};

/// [R, ...] uint8 of 0 and 1: the regions as overlapping channels. labels: [...] uint8.
torch::Tensor region_channels(const torch::Tensor& labels, const std::vector<Region>& regions);

/// What holds for all samples of a data file.
struct DataFileHeader {
  std::string name;                         ///< of the data set: "acdc"
  std::vector<std::string> classes;         ///< without the background; label i is classes[i - 1]
  std::int64_t channels = 1;                ///< of every image
  std::int64_t dimension = 2;               ///< 3: samples are volumes
  std::vector<Region> regions{};            ///< may be empty
  std::vector<std::int64_t> label_codes{};  ///< of each class in the source; empty: 1, 2, ...
  bool operator==(const DataFileHeader&) const = default;
};

/// The arrays that a sample has, by their names in the file, in FORMAT.md's order.
std::vector<std::pair<const char*, torch::Tensor>> named_arrays(const RawSample& sample);

/// The digest of a decoded sample as FORMAT.md defines it: its names, spacing and pixels.
std::string digest_of(const RawSample& sample);

}  // namespace medsweep::datasets
