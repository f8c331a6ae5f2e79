#include "datasets/converters/malc.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/source_tree.h"
#include "datasets/converters/volume_item.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr const char* kImagesSuffix = "-images";

fs::path malc_label_map(const ConverterOptions& options, const std::vector<fs::path>& files) {
  if (!options.label_map.empty()) return options.label_map;
  const auto found = std::ranges::find_if(files, [](const fs::path& file) {
    return file.filename().string().ends_with("LabelMap.xml");
  });
  if (found == files.end())
    throw std::invalid_argument(
        fmt::format("[{}] no *LabelMap.xml in it; --label-map, a file with the codes and names of "
                    "the structures, is needed",
                    options.source.string()));
  return *found;
}

/// training-labels/1000_3_glm.nii of training-images/1000_3.nii; empty where there is none.
fs::path malc_labels_of(const fs::path& image, const std::string& half) {
  const fs::path folder = image.parent_path().parent_path() / (half + "-labels");
  for (const char* ending : {"_glm.nii", "_glm.nii.gz"})
    if (fs::path file = folder / (stem_of(image) + ending); fs::exists(file)) return file;
  return {};
}

/// "training" of a file in training-images; empty for other files.
std::string malc_half_of(const fs::path& file) {
  const std::string folder = file.parent_path().filename().string(), ending = ending_of(file);
  const std::string suffix = kImagesSuffix;
  if (!folder.ends_with(suffix) || (ending != ".nii" && ending != ".nii.gz")) return {};
  return folder.substr(0, folder.size() - suffix.size());
}

VolumeFiles malc_files(const fs::path& image, const std::string& half) {
  VolumeFiles files{.images = {image}, .labels = malc_labels_of(image, half)};
  files.id.case_name = stem_of(image);
  files.id.source = half;
  if (files.labels.empty() && half == "training")
    throw std::invalid_argument(fmt::format("[{}] has no labels: {}-labels/{}_glm.nii is missing",
                                            image.string(), half, files.id.case_name));
  return files;
}

}  // namespace

ConversionPlan plan_malc(const ConverterOptions& options) {
  const std::vector<fs::path> below = files_below(options.source);
  const fs::path map_file = malc_label_map(options, below);
  LabelMap map = read_label_map(map_file);
  if (!options.classes.empty()) map = map.only(options.classes);
  ConversionPlan plan{.header = {.name = "malc",
                                 .classes = map.classes(),
                                 .dimension = dimension_of(options, 3),
                                 .label_codes = map.codes()}};
  const auto labels = std::make_shared<VolumeLabels>(VolumeLabels{std::move(map)});
  const auto name_of = patient_namer(options);
  std::vector<std::string> without;
  for (const fs::path& image : below)
    if (const std::string half = malc_half_of(image); !half.empty())
      plan_part(plan, options, [&] {
        VolumeFiles files = malc_files(image, half);
        const std::string& name = files.id.case_name;
        files.id.patient = name_of(name.substr(0, name.find('_')));
        if (files.labels.empty()) without.push_back(name);
        plan.items.push_back(volume_item(files, labels, plan.header.dimension, options));
        plan.items.back().files.push_back(map_file);
      });
  note_names(plan, without, "volumes have no labels: they are kept without");
  return plan;
}

}  // namespace medsweep::datasets
