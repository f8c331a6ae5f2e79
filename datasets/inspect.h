#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "datasets/batch.h"

namespace medsweep::datasets {

/// How much of a class there is.
struct ClassCount {
  std::string name;
  std::int64_t pixels = 0;     ///< of label maps; voxels of volumes
  std::int64_t samples = 0;    ///< in which it occurs, as label or as instance
  std::int64_t cases = 0;      ///< in which it occurs
  std::int64_t instances = 0;  ///< objects, crowds among them
  std::int64_t crowds = 0;     ///< objects that are ignored
};

/// Something that a person should look at before training on it.
struct Suspicion {
  std::string what;                  ///< "no label at all"
  std::vector<std::string> samples;  ///< their names, in the file's order
};

/// What is inside a data file, after reading all of it.
struct Inspection {
  std::filesystem::path path;
  std::string name;    ///< of the data set
  std::string digest;  ///< as recorded; every sample was checked against its own
  std::int64_t bytes = 0, dimension = 2;
  std::int64_t samples = 0, cases = 0, patients = 0, channels = 0;
  std::map<std::string, std::int64_t> groups;   ///< group -> patients
  std::map<std::string, std::int64_t> sources;  ///< source -> samples
  std::map<std::int64_t, std::int64_t> folds;  ///< fold that the data give -> samples; may be empty
  std::map<std::string, std::int64_t> types;   ///< stored type of the image -> samples
  std::map<std::string, std::int64_t> arrays;  ///< "labels", "masks", ... -> samples with it
  std::vector<ClassCount> classes;
  bool has_instances = false;        ///< in any sample
  std::int64_t unlabelled = 0;       ///< samples with neither label map nor instances
  std::int64_t empty_slices = 0;     ///< of label maps, slices of volumes by themselves
  std::int64_t labelled_slices = 0;  ///< all that have a label map, empty or not
  std::int64_t pixels = 0;           ///< of all label maps
  std::int64_t counted_pixels = 0;   ///< of them, inside the field of view
  Extent smallest, largest;          ///< each axis by itself
  /// Least and most along [D, H, W] in mm; empty when no sample has a spacing.
  std::vector<std::array<double, 2>> spacing;
  std::vector<std::array<double, 5>> percentiles;  ///< per channel, at kPercentiles
  std::vector<Suspicion> suspicions;
};

/// Where Inspection::percentiles are taken: over pixels spread evenly over every image, at most
/// some four million in all.
inline constexpr std::array<double, 5> kPercentiles{0, 1, 50, 99, 100};

/// Reads every sample, on `threads` threads (0: one a core); their number changes nothing. Throws
/// as DataFile, and std::runtime_error for a sample whose pixels do not have the recorded digest.
Inspection inspect(const std::filesystem::path& path, std::int64_t threads = 0);

/// For people: a few aligned lines; long lists of names are cut, with their number.
std::string to_text(const Inspection& inspection);

/// For scripts: one JSON object with everything.
std::string to_json(const Inspection& inspection);

}  // namespace medsweep::datasets
