#pragma once

#include <cstdint>

#include "datasets/batch.h"

namespace medsweep::datasets {

/// Samples by index. `get` may be called from several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::int64_t size() const = 0;
  /// Throws std::out_of_range for an index outside [0, size()), std::runtime_error that names the
  /// file and sample for what cannot be read.
  virtual Sample get(std::int64_t index) const = 0;
};

}  // namespace medsweep::datasets
