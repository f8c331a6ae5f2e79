#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "datasets/stored_array.h"

namespace medsweep::datasets {

/// What the phantom is made of; other converters leave it alone.
struct PhantomOptions {
  std::string kind = "hearts";  ///< "hearts", "vessels", "lungs", "opacities" or "blobs"
  std::int64_t patients = 12;  ///< of hearts, each with an end-diastolic and an end-systolic volume
  std::int64_t slices = 0;     ///< a volume; 0: 6 of hearts, 32 of blobs
  std::int64_t size = 128;     ///< pixels along height and width
  std::int64_t channels = 2;   ///< of blobs: 1 or 2
  std::uint64_t seed = 0;
};

/// What `runner prepare` may be told. Each converter reads what its row of the table names; what it
/// does not name is refused.
struct ConverterOptions {
  std::filesystem::path source{};  ///< the data set's folder as distributed; empty for the phantom
  std::filesystem::path output{};  ///< the data file; an older one of that name is replaced

  std::string name{};             ///< of the data set; empty: the converter's, or the output's
  std::int64_t dimension = 0;     ///< 2: slices are samples; 3: volumes; 0: the converter's own
  std::vector<double> spacing{};  ///< resample to mm along [D, H, W]; 0 leaves an axis alone
  std::string color{};            ///< "rgb" or "gray"; empty: the converter's own
  std::vector<std::string> classes{};   ///< a subset, in this order; empty: all
  std::string images{}, labels{};       ///< patterns of file names with one '*', the case's name
  std::filesystem::path label_map{};    ///< a table of label codes and class names
  std::filesystem::path annotations{};  ///< the JSON or CSV file, where it cannot be guessed
  std::string patient{};                ///< a regular expression; its first group is the patient
  std::vector<double> window{};         ///< centre and width of intensities
  std::string normalize{};              ///< "none" or "brain": z-score within the brain mask
  PhantomOptions phantom{};

  Compression compression = Compression::kDeflate;
  std::int64_t threads = 0;             ///< 0: one a core
  std::filesystem::path patient_key{};  ///< whose bytes key the hashes of patients; empty: random
  enum class OnBad { kStop, kSkip } on_bad = OnBad::kStop;
};

/// Called with how many items (a patient, an image) are done, of how many, and one's name.
using ConverterProgress =
    std::function<void(std::int64_t done, std::int64_t total, const std::string& item)>;

struct ConverterReport {
  std::string digest{};                ///< of the data file
  std::int64_t samples = 0;            ///< written
  std::int64_t resumed = 0;            ///< items taken from a conversion that was interrupted
  std::vector<std::string> notes{};    ///< what was left out, and why
  std::vector<std::string> skipped{};  ///< items left out by OnBad::kSkip: "item: error"
};

/// Makes a data file (FORMAT.md) of a data set as its users have it on disk. Only pixels, labels,
/// spacing and the names of patients and files go in: texts of headers and folders stay behind.
/// Items are converted in parallel; the bytes do not depend on the number of threads. What is done
/// is kept in `<output>.partial` until the end, so that an interrupted conversion goes on.
///
/// Throws std::invalid_argument for an unknown converter (with the nearest known one), an option
/// that it does not read, and a source that is not as it should be (a mask missing, sizes that
/// disagree, an unknown label), std::runtime_error for files that cannot be read to their end. Both
/// name the file; the output is then as it was.
ConverterReport convert(std::string_view name, const ConverterOptions& options,
                        const ConverterProgress& progress = {});

/// Whether the converter reads a source folder (the phantom makes its own data).
bool reads_source(std::string_view name);
/// Whether the converter reads this option, called as on the command line: "dimension".
bool reads_option(std::string_view name, std::string_view option);

/// The table's rows, for `runner list converters` and `runner prepare --help`.
std::vector<Row> converter_rows();

}  // namespace medsweep::datasets
