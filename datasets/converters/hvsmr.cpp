#include "datasets/converters/hvsmr.h"

#include <fmt/format.h>

#include <map>
#include <regex>
#include <stdexcept>

#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/source_tree.h"
#include "datasets/converters/volume_item.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLabelSuffix = "-label";

struct HeartFiles {
  std::map<std::string, fs::path> images, labels;  // by the image's stem
};

HeartFiles find_hearts(const ConverterOptions& options) {
  static const std::regex kStem("(?:training|testing)_(?:axial|sa)_(?:crop|full)_pat[0-9]+");
  HeartFiles hearts;
  for (const fs::path& file : files_below(options.source)) {
    if (const std::string ending = ending_of(file); ending != ".nii" && ending != ".nii.gz")
      continue;
    std::string stem = stem_of(file);
    const bool is_labels = stem.ends_with(kLabelSuffix);
    if (is_labels) stem.resize(stem.size() - std::string(kLabelSuffix).size());
    if (!std::regex_match(stem, kStem)) continue;
    const bool is_wanted = is_labels || options.images.empty() ||
                           !match_pattern(file.filename().string(), options.images).empty();
    if (is_wanted && !(is_labels ? hearts.labels : hearts.images).emplace(stem, file).second)
      throw std::invalid_argument(
          fmt::format("[{}] stands twice below the source; once is allowed", file.string()));
  }
  if (hearts.images.empty())
    throw std::invalid_argument(fmt::format(
        "[{}] no files {} in it; the folder of HVSMR 2016 is needed", options.source.string(),
        options.images.empty() ? "training_axial_crop_patN.nii.gz" : options.images));
  return hearts;
}

VolumeFiles heart_files(const HeartFiles& hearts, const std::string& stem) {
  VolumeFiles files{.images = {hearts.images.at(stem)}};
  files.id.case_name = stem;
  files.id.source = stem.substr(0, stem.find('_'));
  const auto found = hearts.labels.find(stem);
  if (found != hearts.labels.end()) files.labels = found->second;
  if (files.labels.empty() && files.id.source == "training")
    throw std::invalid_argument(fmt::format("[{}] has no mask: {}{}.nii.gz is missing",
                                            files.images.front().string(), stem, kLabelSuffix));
  return files;
}

}  // namespace

ConversionPlan plan_hvsmr(const ConverterOptions& options) {
  const std::vector<std::string> classes{"myocardium", "blood_pool"};
  ConversionPlan plan{
      .header = {.name = "hvsmr", .classes = classes, .dimension = dimension_of(options, 3)}};
  const auto labels = std::make_shared<VolumeLabels>(VolumeLabels{LabelMap::consecutive(classes)});
  const auto name_of = patient_namer(options);
  const HeartFiles hearts = find_hearts(options);
  std::vector<std::string> without;
  for (const auto& [stem, image] : hearts.images)
    plan_part(plan, options, [&, &stem = stem] {
      VolumeFiles files = heart_files(hearts, stem);
      files.id.patient = name_of(stem.substr(stem.rfind('_') + 1));
      if (files.labels.empty()) without.push_back(stem);
      plan.items.push_back(volume_item(files, labels, plan.header.dimension, options));
    });
  note_names(plan, without, "volumes have no labels: they are kept without");
  return plan;
}

}  // namespace medsweep::datasets
