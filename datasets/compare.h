#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace medsweep::datasets {

/// A sample that is in one file only, or not the same in both.
struct SampleDifference {
  std::string sample, case_name;
  /// Of one in both files: "image: 12 of 55296 values", "labels: only before", "group: DCM -> NOR".
  std::vector<std::string> what{};
};

/// One of the files that are compared.
struct ComparedFile {
  std::filesystem::path path;
  std::string name, digest;
  std::int64_t samples = 0;
};

/// What became different from one data file to another, matched by the samples' names.
struct Comparison {
  ComparedFile before, after;
  std::vector<std::string> header{};  ///< "classes: rv myo lv -> rv myo"
  std::vector<SampleDifference> added{}, removed{}, changed{};
  bool reordered = false;  ///< the samples in both stand in another order
  /// All decoded samples, names and classes are the same; compression and layout may differ.
  bool equal() const { return before.digest == after.digest && header.empty(); }
};

/// Compares recorded digests; only samples whose digests differ are read, on `threads` threads (0:
/// one a core). Throws as DataFile.
Comparison compare(const std::filesystem::path& before, const std::filesystem::path& after,
                   std::int64_t threads = 0);

/// For people: whole cases in one line, at most `lines` of each kind, with their number.
std::string to_text(const Comparison& comparison, std::int64_t lines = 20);

}  // namespace medsweep::datasets
