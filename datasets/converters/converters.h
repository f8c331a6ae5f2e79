#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"

namespace medsweep::datasets {

/// What the phantom is made of; other converters leave it alone.
struct PhantomOptions {
  std::int64_t patients = 12;  ///< each with an end-diastolic and an end-systolic volume
  std::int64_t slices = 6;     ///< a volume, from base to apex
  std::int64_t size = 128;     ///< pixels along height and width
  std::uint64_t seed = 0;
};

struct ConverterOptions {
  std::filesystem::path source;  ///< the data set's folder as distributed; empty for the phantom
  std::filesystem::path output;  ///< the data file; an older one of that name is replaced
  PhantomOptions phantom{};
};

/// Called before each item (a patient, an image) with how many are done, of how many.
using ConverterProgress =
    std::function<void(std::int64_t done, std::int64_t total, const std::string& item)>;

struct ConverterReport {
  std::string digest;                ///< of the data file
  std::int64_t samples = 0;          ///< written
  std::vector<std::string> notes{};  ///< what was left out, and why
};

/// Makes a data file (FORMAT.md) of a data set as its users have it on disk. Only pixels, labels,
/// spacing and the names of patients and files go in: texts of headers and folders stay behind.
///
/// Throws std::invalid_argument for an unknown converter (with the nearest known one) and for a
/// source that is not as it should be (a mask missing, sizes that disagree, an unknown label),
/// std::runtime_error for files that cannot be read to their end. Both name the file; the output is
/// then as it was, with nothing beside it.
ConverterReport convert(std::string_view name, const ConverterOptions& options,
                        const ConverterProgress& progress = {});

/// Whether the converter reads a source folder (the phantom makes its own data).
bool reads_source(std::string_view name);

/// The table's rows, for `runner list converters` and `runner prepare --help`.
std::vector<Row> converter_rows();

}  // namespace medsweep::datasets
