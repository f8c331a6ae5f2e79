#include "datasets/export_nnunet.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>

#include "base/files.h"
#include "datasets/converters/nifti_writer.h"
#include "datasets/stored_case.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// The label that each region paints, the largest region first, so that the last one painted wins:
/// nnU-Net's regions_class_order. Empty where the regions do not lie within one another, or two
/// are equal.
std::vector<std::int64_t> painting_order(const std::vector<Region>& regions) {
  std::vector<std::int64_t> order;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const std::set<std::int64_t> all(regions[i].labels.begin(), regions[i].labels.end());
    std::set<std::int64_t> within;
    if (i + 1 < regions.size())
      within.insert(regions[i + 1].labels.begin(), regions[i + 1].labels.end());
    std::vector<std::int64_t> own;
    std::ranges::set_difference(all, within, std::back_inserter(own));
    if (!std::ranges::includes(all, within) || own.size() != 1) return {};
    order.push_back(own.front());
  }
  return order;
}

class NnunetFolder {
 public:
  NnunetFolder(const DataFile& file, const fs::path& folder) : file_(file), folder_(folder) {}

  void write(const CaseVolume& volume, const std::string& name) {
    const std::string& source = volume.id.source;
    const bool is_test = source == "test" || source == "testing" || !volume.labels.defined();
    const std::string suffix = is_test ? "Ts" : "Tr";
    for (std::int64_t channel = 0; channel < volume.image.size(0); ++channel)
      put("images" + suffix, fmt::format("{}_{:04}.nii.gz", name, channel), volume.image[channel],
          volume.geometry);
    if (volume.labels.defined())
      put("labels" + suffix, name + ".nii.gz", with_ignored(volume), volume.geometry);
    if (is_test) return;
    training_.push_back(name);
    if (volume.id.fold >= 0) folds_[volume.id.fold].insert(name);
  }

  void describe(ExportReport& report) {
    write_text("dataset.json", description(report));
    if (!folds_.empty()) write_text("splits_final.json", splits());
    report.files = files_;
  }

 private:
  torch::Tensor with_ignored(const CaseVolume& volume) {
    if (!volume.field_of_view.defined()) return volume.labels;
    ignores_ = true;
    const std::int64_t ignored = std::ssize(file_.classes()) + 1;
    return volume.labels.to(torch::kInt16)
        .masked_fill(volume.field_of_view.eq(0), ignored)
        .to(ignored <= 255 ? torch::kUInt8 : torch::kInt16);
  }

  void put(const std::string& part, const std::string& name, const torch::Tensor& voxels,
           const VolumeGeometry& geometry) {
    fs::create_directories(folder_ / part);
    write_nifti(folder_ / part / name, {voxels, geometry.spacing, geometry.affine});
    ++files_;
  }

  void write_text(const std::string& name, const ordered_json& content) {
    write_file_atomically(folder_ / name, content.dump(2) + "\n");
    ++files_;
  }

  ordered_json labels(ExportReport& report, ordered_json& whole) const {
    const DataFileHeader& header = file_.header();
    const std::vector<std::int64_t> order = painting_order(header.regions);
    ordered_json labels{{"background", 0}};
    if (!order.empty()) {
      for (const Region& region : header.regions) labels[region.name] = region.labels;
      whole["regions_class_order"] = order;
    } else {
      if (!header.regions.empty())
        report.notes.push_back("regions do not lie within one another: the classes are written");
      for (std::size_t i = 0; i < header.classes.size(); ++i) labels[header.classes[i]] = i + 1;
    }
    if (ignores_) labels["ignore"] = header.classes.size() + 1;
    return labels;
  }

  ordered_json description(ExportReport& report) const {
    ordered_json content{{"name", file_.name()}, {"channel_names", ordered_json::object()}};
    for (std::int64_t channel = 0; channel < file_.channels(); ++channel)
      content["channel_names"][std::to_string(channel)] = fmt::format("channel_{}", channel);
    content["labels"] = labels(report, content);
    content["numTraining"] = training_.size();
    content["file_ending"] = ".nii.gz";
    return content;
  }

  ordered_json splits() const {
    ordered_json all = ordered_json::array();
    for (const auto& [fold, validated] : folds_) {
      ordered_json split{{"train", ordered_json::array()}, {"val", ordered_json::array()}};
      for (const std::string& name : training_)
        split[validated.contains(name) ? "val" : "train"].push_back(name);
      all.push_back(split);
    }
    return all;
  }

  const DataFile& file_;
  fs::path folder_;
  std::vector<std::string> training_;
  std::map<std::int64_t, std::set<std::string>> folds_;
  bool ignores_ = false;
  std::int64_t files_ = 0;
};

}  // namespace

ExportReport export_nnunet(const DataFile& file, const fs::path& folder,
                           const ExportProgress& progress) {
  ExportReport report;
  NnunetFolder written(file, folder);
  bool has_instances = false;
  for (const StoredCase& stored : cases_of(file)) {
    const CaseVolume volume = read_case(file, stored);
    written.write(volume, stored.name);
    has_instances = has_instances || volume.has_instances;
    report.samples += std::ssize(stored.samples);
    if (progress) progress(report.samples, std::ssize(file.samples()), stored.name);
  }
  written.describe(report);
  if (has_instances) report.notes.push_back("objects are left out: nnU-Net has label maps only");
  if (std::ranges::any_of(file.samples(), [](const SampleId& id) { return !id.group.empty(); }))
    report.notes.push_back("groups are left out: nnU-Net has no place for them");
  return report;
}

}  // namespace medsweep::datasets
