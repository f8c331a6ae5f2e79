#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// What became of a data file on its way to other tools.
struct ExportReport {
  std::int64_t samples = 0;          ///< exported
  std::int64_t files = 0;            ///< written
  std::vector<std::string> notes{};  ///< for people: what the format cannot hold, what was changed
};

/// Called with how many samples are done, of how many, and one's name.
using ExportProgress =
    std::function<void(std::int64_t done, std::int64_t total, const std::string& sample)>;

/// Writes all samples of `file` into `folder`, which is there and empty. Names of files come from
/// the samples' names (exported_name). Throws std::invalid_argument for data that the format cannot
/// hold, std::runtime_error for what the disk does.
using ExportFormat = ExportReport (*)(const DataFile& file, const std::filesystem::path& folder,
                                      const ExportProgress& progress);

/// Exports a data file (FORMAT.md) into the new folder `output`: written beside it under a
/// temporary name and renamed, so that the folder is whole or not there. The same file gives the
/// same bytes.
///
/// Throws std::invalid_argument for an unknown format (with the nearest known one), an output that
/// is there already and not empty, and data that the format cannot hold; std::runtime_error for
/// what cannot be read or written.
ExportReport export_data(std::string_view format, const std::filesystem::path& file,
                         const std::filesystem::path& output, const ExportProgress& progress = {});

/// The table's rows, for `runner list` and `runner export-data --help`.
std::vector<Row> export_rows();

/// A sample's or a case's name as a file's, without folders: "patient001_ED/3" ->
/// "patient001_ED_3".
std::string exported_name(std::string_view name);

}  // namespace medsweep::datasets
