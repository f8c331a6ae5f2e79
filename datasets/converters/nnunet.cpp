#include "datasets/converters/nnunet.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <regex>
#include <stdexcept>

#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/nnunet_files.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

/// One of the two halves, "Tr" and "Ts".
struct NnunetHalf {
  std::string folder_suffix, source;
  enum class Labels { kNeeded, kOptional } labels;
};

const std::vector<NnunetHalf>& nnunet_halves() {
  static const std::vector<NnunetHalf> kHalves{{"Tr", "training", NnunetHalf::Labels::kNeeded},
                                               {"Ts", "test", NnunetHalf::Labels::kOptional}};
  return kHalves;
}

/// case -> its files by channel; of one file without a number the channel is 0.
using FilesByChannel = std::map<std::string, std::map<std::int64_t, fs::path>>;

std::vector<fs::path> files_with_ending(const fs::path& folder, const std::string& ending) {
  std::vector<fs::path> files;
  if (!fs::is_directory(folder)) return files;
  for (const fs::path& file : files_below(folder))
    if (file.filename().string().ends_with(ending)) files.push_back(file);
  return files;
}

FilesByChannel image_files(const fs::path& folder, const std::string& ending) {
  static const std::regex kNumbered("(.+)_([0-9]{4})");
  FilesByChannel numbered, plain;
  std::size_t matched = 0;
  for (const fs::path& file : files_with_ending(folder, ending)) {
    const std::string name = file.filename().string();
    const std::string stem = name.substr(0, name.size() - ending.size());
    plain[stem][0] = file;
    std::smatch match;
    if (!std::regex_match(stem, match, kNumbered)) continue;
    numbered[match[1].str()][std::stoll(match[2].str())] = file;
    ++matched;
  }
  return matched == plain.size() ? numbered : plain;  // the Decathlon numbers no channels
}

std::vector<fs::path> in_order(const std::string& name,
                               const std::map<std::int64_t, fs::path>& files) {
  std::vector<fs::path> ordered;
  for (const auto& [channel, file] : files) {
    if (channel != std::ssize(ordered))
      throw std::invalid_argument(fmt::format("[{}] its channel {:04} is missing: {} follows", name,
                                              ordered.size(), file.filename().string()));
    ordered.push_back(file);
  }
  return ordered;
}

class NnunetPlanner {
 public:
  NnunetPlanner(const ConverterOptions& options, ConversionPlan& plan)
      : options_(options), plan_(plan), root_(fs::weakly_canonical(options.source)) {
    const fs::path description = root_ / "dataset.json";
    if (!fs::exists(description))
      throw std::invalid_argument(fmt::format(
          "[{}] no dataset.json in it; a folder of nnU-Net's raw data is needed", root_.string()));
    used_.push_back(description);
    auto read = read_nnunet_description(description);
    const bool is_nifti = read.ending == ".nii" || read.ending == ".nii.gz";
    plan_.header = {.name = read.name.empty() ? stem_of(options.output) : read.name,
                    .classes = read.labels.map.classes(),
                    .channels = read.channels,
                    .dimension = dimension_of(options, is_nifti ? 3 : 2),
                    .regions = read.regions,
                    .label_codes = read.labels.map.codes()};
    ending_ = read.ending;
    labels_ = std::make_shared<VolumeLabels>(VolumeLabels{std::move(read.labels)});
    read_splits();
  }

  void add(const NnunetHalf& half) {
    std::vector<std::string> without;
    for (const auto& [name, files] : image_files(root_ / ("images" + half.folder_suffix), ending_))
      plan_part(plan_, options_, [&, &name = name, &files = files] {
        VolumeFiles volume{.images = in_order(name, files)};
        volume.labels = labels_of(half, name);
        if (volume.labels.empty()) without.push_back(name);
        add_case(volume, name, half.source);
      });
    note_names(plan_, without, "cases have no labels: they are kept without");
  }

 private:
  void read_splits() {
    const fs::path splits =
        options_.annotations.empty() ? root_ / "splits_final.json" : options_.annotations;
    if (!options_.annotations.empty() || fs::exists(splits)) {
      folds_ = read_nnunet_splits(splits);
      used_.push_back(splits);
    }
  }

  fs::path labels_of(const NnunetHalf& half, const std::string& name) const {
    const fs::path file = root_ / ("labels" + half.folder_suffix) / (name + ending_);
    if (fs::exists(file)) return file;
    if (half.labels == NnunetHalf::Labels::kNeeded)
      throw std::invalid_argument(fmt::format("[{}] has no labels: {} is missing", name,
                                              file.lexically_relative(root_).string()));
    return {};
  }

  void add_case(VolumeFiles& volume, const std::string& name, const std::string& source) {
    volume.id.case_name = plain_name(name);
    volume.id.patient = name_of_(patient_of(name, options_.patient));
    volume.id.source = source;
    const auto fold = folds_.find(name);
    if (fold != folds_.end()) volume.id.fold = fold->second;
    plan_.items.push_back(volume_item(volume, labels_, plan_.header.dimension, options_));
    std::ranges::copy(used_, std::back_inserter(plan_.items.back().files));
  }

  const ConverterOptions& options_;
  ConversionPlan& plan_;
  fs::path root_;
  std::string ending_;
  std::shared_ptr<const VolumeLabels> labels_;
  std::vector<fs::path> used_;  // by every case
  std::map<std::string, std::int64_t> folds_;
  std::function<std::string(const std::string&)> name_of_ = patient_namer(options_);
};

}  // namespace

ConversionPlan plan_nnunet(const ConverterOptions& options) {
  ConversionPlan plan;
  NnunetPlanner planner(options, plan);
  for (const NnunetHalf& half : nnunet_halves()) planner.add(half);
  return plan;
}

}  // namespace medsweep::datasets
