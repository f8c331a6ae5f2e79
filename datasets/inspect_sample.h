#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/data_file.h"

namespace medsweep::datasets {

/// What Inspection needs of one class in one sample.
struct ClassFacts {
  std::int64_t pixels = 0, instances = 0, crowds = 0;
};

/// What Inspection needs of one sample: small, so that those of all samples fit in memory.
struct SampleFacts {
  std::string type;                 ///< stored type of the image
  std::vector<std::string> arrays;  ///< their names
  std::vector<ClassFacts> classes;
  std::int64_t pixels = 0, counted_pixels = 0;  ///< of the label map
  std::int64_t slices = 0, empty_slices = 0;    ///< of the label map
  bool has_labels = false, has_instances = false;
  std::vector<std::vector<float>> intensities;  ///< per channel, at evenly spread pixels
  std::string image_digest;                     ///< of its pixels
  std::vector<std::string> suspicions;
};

/// Reads off a sample what is in it. At most `intensities` pixels of each channel are kept. Any
/// thread may call it.
SampleFacts examine(const RawSample& sample, std::int64_t classes, std::int64_t intensities);

}  // namespace medsweep::datasets
