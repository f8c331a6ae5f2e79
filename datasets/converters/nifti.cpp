#include "datasets/converters/nifti.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/nifti_volume.h"
#include "datasets/converters/source_tree.h"
#include "datasets/converters/volume_item.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

using FilesByCase = std::map<std::string, fs::path>;

LabelMap map_of(const ConverterOptions& options) {
  if (options.label_map.empty() && options.classes.empty())
    throw std::invalid_argument(
        "[nifti] neither --label-map nor --classes; one of them is needed, to name the labels");
  if (options.label_map.empty()) return LabelMap::consecutive(options.classes);
  const LabelMap map = read_label_map(options.label_map);
  return options.classes.empty() ? map : map.only(options.classes);
}

/// The folder that holds the pattern's folders; empty where it is not below the data set's.
std::string source_of(const fs::path& file, const fs::path& pattern, const fs::path& root) {
  fs::path folder = file.parent_path();
  for (auto part = pattern.begin(); std::next(part) != pattern.end(); ++part)
    folder = folder.parent_path();
  const std::string below = folder.lexically_relative(fs::weakly_canonical(root)).string();
  return below == "." || below.starts_with("..") ? std::string() : folder.filename().string();
}

struct NiftiPairs {
  FilesByCase images{}, labels{};
};

NiftiPairs find_pairs(const ConverterOptions& options) {
  if (options.images.empty() || options.labels.empty())
    throw std::invalid_argument(
        "[nifti] --images and --labels are needed, as 'images/*.nii.gz' and 'labels/*.nii.gz'");
  std::vector<fs::path> files = files_below(options.source);
  NiftiPairs pairs{.labels = files_matching(files, options.labels)};
  std::set<fs::path> taken;
  for (const auto& [name, file] : pairs.labels) taken.insert(file);
  std::erase_if(files, [&](const fs::path& file) { return taken.contains(file); });
  pairs.images = files_matching(files, options.images);
  if (pairs.images.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no file {} in it", options.source.string(), options.images));
  return pairs;
}

void refuse_lonely(ConversionPlan& plan, const ConverterOptions& options, const NiftiPairs& pairs) {
  for (const auto& [name, file] : pairs.images)
    if (!pairs.labels.contains(name))
      refuse_part(plan, options,
                  fmt::format("[{}] has no labels: '{}' for '{}' is missing", file.string(),
                              options.labels, name));
  for (const auto& [name, file] : pairs.labels)
    if (!pairs.images.contains(name))
      refuse_part(plan, options,
                  fmt::format("[{}] has no image: '{}' for '{}' is missing", file.string(),
                              options.images, name));
}

}  // namespace

ConversionPlan plan_nifti(const ConverterOptions& options) {
  const std::int64_t dimension = dimension_of(options, 3);
  LabelMap map = map_of(options);
  const NiftiPairs pairs = find_pairs(options);
  ConversionPlan plan{.header = {.name = stem_of(options.output),
                                 .classes = map.classes(),
                                 .channels = nifti_channels(pairs.images.begin()->second),
                                 .dimension = dimension,
                                 .label_codes = map.codes()}};
  const auto labels = std::make_shared<VolumeLabels>(VolumeLabels{std::move(map)});
  const auto name_of = patient_namer(options);
  refuse_lonely(plan, options, pairs);
  for (const auto& [name, image] : pairs.images) {
    const auto found = pairs.labels.find(name);
    if (found == pairs.labels.end()) continue;
    VolumeFiles files{.images = {image}, .labels = found->second};
    files.id.case_name = plain_name(name);
    files.id.source = source_of(image, options.images, options.source);
    plan_part(plan, options, [&] {
      files.id.patient = name_of(patient_of(name, options.patient));
      plan.items.push_back(volume_item(files, labels, dimension, options));
    });
  }
  return plan;
}

}  // namespace medsweep::datasets
