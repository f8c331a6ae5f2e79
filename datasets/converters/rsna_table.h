#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace medsweep::datasets {

/// A box as the challenge's table has it, in pixels.
struct RsnaBox {
  double x = 0, y = 0, width = 0, height = 0;
  std::string place{};  ///< "[stage_2_train_labels.csv, line 7]"
};

/// All rows of one image.
struct RsnaImage {
  std::string id;                ///< patientId: the file's name without its ending
  bool opacity = false;          ///< Target
  std::vector<RsnaBox> boxes{};  ///< none where there is no opacity
  std::string group{};           ///< "lung_opacity", "normal", "no_lung_opacity_not_normal"
};

/// stage_2_train_labels.csv, and stage_2_detailed_class_info.csv where there is one.
struct RsnaTable {
  std::vector<RsnaImage> images{};  ///< in the order of the table
  std::int64_t boxes = 0;
  std::int64_t duplicates = 0;        ///< rows that say what an earlier one says: dropped
  std::string first_duplicate{};      ///< its place
  std::vector<std::string> errors{};  ///< "[file, line N] ..."; their images are left out
};

/// Columns patientId, x, y, width, height and Target, one row a box; a row of Target 0 has no box.
/// `classes` (columns patientId and class) may be empty: the group then is "lung_opacity" or
/// "no_lung_opacity". What is wrong with single rows (a Target that contradicts the box or another
/// row, no number, a box without an area, two classes) is put into `errors`.
/// Throws std::invalid_argument for tables that are none, and as read_csv.
RsnaTable read_rsna_table(const std::filesystem::path& labels,
                          const std::filesystem::path& classes);

}  // namespace medsweep::datasets
