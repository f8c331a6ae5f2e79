#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/converters/converters.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// What is converted by itself: a patient, an image with its masks.
struct ConversionItem {
  std::string name{};  ///< unique in the plan; of progress and errors: "patient001"
  /// All files that `read` reads: when one changes (size, time), a kept result is not taken.
  std::vector<std::filesystem::path> files{};
  /// Its samples, in order; the same for the same files, on any thread. Several items are read at
  /// once. Throws std::invalid_argument or std::runtime_error that names the file and place; with
  /// OnBad::kSkip the item is then left out and listed.
  std::function<std::vector<RawSample>()> read{};
};

/// What a converter makes of its options: quick, without reading pixels (headers and tables may be
/// read). The order of the items is the order of the file.
struct ConversionPlan {
  DataFileHeader header{};
  std::vector<ConversionItem> items{};
  std::vector<std::string> notes{};    ///< for people: what was left out, and why
  std::vector<std::string> skipped{};  ///< "place: error", bad parts that OnBad::kSkip left out
};

/// The plan of a converter of the table. Throws as convert().
ConversionPlan plan_conversion(std::string_view name, const ConverterOptions& options);

/// Runs a plan on options.threads threads: read, check, compress, in any order; written in the
/// plan's order, read back and compared, flushed, renamed. Same plan, same bytes.
ConverterReport run_conversion(std::string_view converter, const ConversionPlan& plan,
                               const ConverterOptions& options, const ConverterProgress& progress);

/// Where a conversion keeps what is done until its end: "<output>.partial", a folder.
std::filesystem::path partial_folder(const std::filesystem::path& output);
/// Removes that folder where nothing is kept in it.
void forget_empty_conversion(const std::filesystem::path& output);

/// A pseudonym for a patient, an accession: "~" and the first 20 hexadecimal digits of HMAC-SHA-256
/// with the key's bytes. The same person has the same pseudonym in all files made with one key, and
/// a pool keeps it on one side of a split. Without options.patient_key the key is random, one for
/// each output (a resumed conversion goes on with its own): read from `<output>.partial/key`, or
/// made there, when the first identity is hashed. Any thread may call it; copies share the key.
class PatientHash {
 public:
  /// Throws std::invalid_argument for a key file that is missing or shorter than 16 bytes.
  explicit PatientHash(const ConverterOptions& options);
  /// Throws std::runtime_error where the random key can be neither read nor written.
  std::string operator()(std::string_view identity) const;

 private:
  struct Key;
  std::shared_ptr<Key> key_;
};

}  // namespace medsweep::datasets
