#include "datasets/export.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <stdexcept>

#include "base/files.h"
#include "datasets/converters/source_tree.h"
#include "datasets/export_coco.h"
#include "datasets/export_nifti.h"
#include "datasets/export_nnunet.h"
#include "datasets/export_png.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

// The one place to touch for a new format.
constexpr std::array kExportFormats{
    Entry<ExportFormat>{"coco", "coco", "datasets/export_coco", export_coco,
                        "images as PNG and annotations.json: boxes, masks as run lengths"},
    Entry<ExportFormat>{"png", "png", "datasets/export_png", export_png,
                        "images and label maps as PNG, and samples.csv"},
    Entry<ExportFormat>{"nifti", "nifti", "datasets/export_nifti", export_nifti,
                        "a volume a case with spacing and orientation, and its labels"},
    Entry<ExportFormat>{"nnunet", "nnunet", "datasets/export_nnunet", export_nnunet,
                        "nnU-Net's raw folders, dataset.json and splits_final.json"},
};
static_assert(names_are_unique(kExportFormats));

/// Beside the output until all is there; gone after an error.
class ExportFolder {
 public:
  explicit ExportFolder(fs::path output)
      : output_(std::move(output)), folder_(fmt::format("{}.{}.tmp", output_.string(), getpid())) {
    const bool empty = fs::is_directory(output_) && fs::is_empty(output_);
    if (output_.empty() || (fs::exists(output_) && !empty))
      throw std::invalid_argument(
          fmt::format("[{}] is there already; a new folder is needed", output_.string()));
    fs::create_directories(folder_);
  }
  ~ExportFolder() {
    std::error_code ignored;  // what is left of it harms nobody, and there is an error to tell
    fs::remove_all(folder_, ignored);
  }
  ExportFolder(const ExportFolder&) = delete;
  ExportFolder& operator=(const ExportFolder&) = delete;

  const fs::path& path() const { return folder_; }
  void keep() const {
    sync_path(folder_);
    fs::rename(folder_, output_);
    sync_path(output_.has_parent_path() ? output_.parent_path() : fs::path("."));
  }

 private:
  fs::path output_, folder_;
};

/// "runs/x/" is "runs/x".
fs::path without_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

ExportReport export_data(std::string_view format, const fs::path& file, const fs::path& output,
                         const ExportProgress& progress) {
  const auto& entry = find("format", kExportFormats, format);
  const DataFile data(file);
  const ExportFolder folder(without_slash(output));
  ExportReport report = entry.make(data, folder.path(), progress);
  folder.keep();
  return report;
}

std::vector<Row> export_rows() { return rows_of(kExportFormats); }

std::string exported_name(std::string_view name) { return plain_name(name); }

}  // namespace medsweep::datasets
