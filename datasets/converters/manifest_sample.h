#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "datasets/converters/conversion.h"
#include "datasets/converters/manifest_entries.h"
#include "datasets/converters/manifest_files.h"

namespace medsweep::datasets {

/// What all entries of a manifest share when they are read.
struct ManifestReading {
  AnyImageOptions image{};
  std::vector<double> spacing{};  ///< to be resampled to; empty: none
  std::int64_t channels = 1;
  ManifestMasks masks = ManifestMasks::kLabelMaps;
  std::vector<std::string> classes{};        ///< of the data file
  std::shared_ptr<const LabelMap> labels{};  ///< of label maps
  /// Who a sample is of, by what the manifest says of it ("" where it does not), its name, and what
  /// the header of its image says ("").
  std::function<std::string(const std::string& said, const std::string& sample,
                            const std::string& identity)>
      patient{};
};

/// The samples of an entry. Errors are the readers', with the entry's place before them. Any thread
/// may call it.
std::vector<RawSample> read_manifest_entry(const ManifestEntry& entry,
                                           const ManifestReading& reading);

}  // namespace medsweep::datasets
