#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/converters/label_map.h"

namespace medsweep::datasets {

struct ManifestMask {
  std::filesystem::path path;
  std::string class_name;  ///< of an object; of a label map empty
};

/// One sample of a manifest; files are absolute or as reached from the manifest's folder.
struct ManifestEntry {
  std::string place;                          ///< "[list.csv, line 3]", "[list.json, training[2]]"
  std::string sample;                         ///< as plain_name has it
  std::vector<std::filesystem::path> images;  ///< one or more, each a channel or several
  std::vector<ManifestMask> masks{};          ///< none: nobody drew any
  std::string patient{}, group{}, source{};   ///< empty: not said
  std::int64_t fold = -1;
};

/// What the masks of a manifest are: files of label codes, one a sample, or files that show one
/// object each, whose classes the manifest says.
enum class ManifestMasks { kLabelMaps, kObjects };

struct Manifest {
  std::vector<ManifestEntry> entries{};
  ManifestMasks masks = ManifestMasks::kLabelMaps;
  std::vector<std::string> classes{};     ///< of objects, in the order in which they come
  std::vector<LabelMap::Entry> labels{};  ///< of label maps, where the JSON says them
  std::vector<std::string> ignored_columns{};
  std::vector<std::string> errors{};  ///< "[place] ..."; their entries are left out
};

/// Reads a .csv or .json as manifest.h describes them. What is wrong with single entries is put
/// into `errors`; throws std::invalid_argument for a file that is no manifest and as read_csv.
Manifest read_manifest(const std::filesystem::path& path);

/// Its two halves, by the kind of file.
Manifest read_manifest_csv(const std::filesystem::path& path);
Manifest read_manifest_json(const std::filesystem::path& path);

}  // namespace medsweep::datasets
