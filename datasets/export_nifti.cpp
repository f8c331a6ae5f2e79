#include "datasets/export_nifti.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>

#include "base/files.h"
#include "datasets/converters/nifti_writer.h"
#include "datasets/stored_case.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> codes_of(const DataFileHeader& header) {
  if (!header.label_codes.empty()) return header.label_codes;
  std::vector<std::int64_t> codes;
  for (std::int64_t code = 1; code <= std::ssize(header.classes); ++code) codes.push_back(code);
  return codes;
}

/// Labels as the source's codes, in the narrowest type that holds all of them.
torch::Tensor source_codes(const torch::Tensor& labels, const std::vector<std::int64_t>& codes) {
  const std::int64_t largest = *std::ranges::max_element(codes);
  const torch::ScalarType type = largest <= 255     ? torch::kUInt8
                                 : largest <= 32767 ? torch::kInt16
                                                    : torch::kInt32;
  std::vector<std::int64_t> table{0};
  table.insert(table.end(), codes.begin(), codes.end());
  const torch::Tensor lookup = torch::tensor(table, torch::kInt64).to(type);
  return lookup.index_select(0, labels.flatten().to(torch::kInt64)).reshape(labels.sizes());
}

/// Writes what a case has, into folders that are made as they are needed.
class CaseWriter {
 public:
  CaseWriter(const DataFile& file, const fs::path& folder)
      : codes_(codes_of(file.header())), folder_(folder) {}

  void write(const CaseVolume& volume, const std::string& name) {
    const torch::Tensor& image = volume.image;
    put("images", name, image.size(0) == 1 ? image[0] : image, volume.geometry);
    if (volume.labels.defined())
      put("labels", name, source_codes(volume.labels, codes_), volume.geometry);
    if (volume.second_observer.defined())
      put("second_observer", name, source_codes(volume.second_observer, codes_), volume.geometry);
    if (volume.field_of_view.defined())
      put("field_of_view", name, volume.field_of_view, volume.geometry);
  }

  void write_label_map(const std::vector<std::string>& classes) {
    std::string text = "code,name\n";
    for (std::size_t i = 0; i < classes.size(); ++i)
      text += fmt::format("{},{}\n", codes_[i], classes[i]);
    write_file_atomically(folder_ / "labels.csv", text);
    ++files_;
  }

  std::int64_t files() const { return files_; }

 private:
  void put(const char* part, const std::string& name, const torch::Tensor& voxels,
           const VolumeGeometry& geometry) {
    fs::create_directories(folder_ / part);
    write_nifti(folder_ / part / (name + ".nii.gz"), {voxels, geometry.spacing, geometry.affine});
    ++files_;
  }

  std::vector<std::int64_t> codes_;
  fs::path folder_;
  std::int64_t files_ = 0;
};

}  // namespace

ExportReport export_nifti(const DataFile& file, const fs::path& folder,
                          const ExportProgress& progress) {
  ExportReport report;
  CaseWriter writer(file, folder);
  std::int64_t with_instances = 0;
  for (const StoredCase& stored : cases_of(file)) {
    const CaseVolume volume = read_case(file, stored);
    writer.write(volume, stored.name);
    with_instances += volume.has_instances ? 1 : 0;
    report.samples += std::ssize(stored.samples);
    if (progress) progress(report.samples, std::ssize(file.samples()), stored.name);
  }
  writer.write_label_map(file.classes());
  report.files = writer.files();
  if (with_instances > 0)
    report.notes.push_back(
        fmt::format("{} cases have objects: NIfTI holds label maps only", with_instances));
  if (!file.header().regions.empty())
    report.notes.push_back("regions are left out: NIfTI holds label maps only");
  return report;
}

}  // namespace medsweep::datasets
