#include "datasets/converters/brats.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <stdexcept>
#include <utility>

#include "datasets/converters/brain_normalization.h"
#include "datasets/converters/source_tree.h"
#include "datasets/converters/volume_item.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::array kModalities{"t1", "t2", "t1ce", "flair"};

struct TumourCase {
  std::string name, group;
  std::map<std::string, fs::path> files;  // by modality, "seg" and "brainmask"
  enum class Form { k2015, k2017 } form = Form::k2017;
  bool has(const std::string& what) const { return files.contains(what); }
};

/// What a file is in which case; an empty part: no file of BraTS.
struct TumourFile {
  std::string name, part;
  TumourCase::Form form = TumourCase::Form::k2017;
};

TumourFile tumour_file(const fs::path& file) {
  static const std::regex kNew("(.+)_(t1|t2|t1ce|flair|seg)");
  static const std::map<std::string, std::string> kOld{
      {"T1_subtrMeanDivStd", "t1"},    {"T2_subtrMeanDivStd", "t2"},
      {"T1c_subtrMeanDivStd", "t1ce"}, {"Flair_subtrMeanDivStd", "flair"},
      {"OTMultiClass", "seg"},         {"brainmask", "brainmask"}};
  if (const std::string ending = ending_of(file); ending != ".nii" && ending != ".nii.gz")
    return {};
  const std::string stem = stem_of(file);
  if (const auto old = kOld.find(stem); old != kOld.end())
    return {file.parent_path().filename().string(), old->second, TumourCase::Form::k2015};
  std::smatch match;
  if (std::regex_match(stem, match, kNew)) return {match[1].str(), match[2].str()};
  return {};
}

/// "HGG" or "LGG", a folder above the file.
std::string grade_of(const fs::path& file) {
  for (fs::path folder = file.parent_path(); folder.has_relative_path();
       folder = folder.parent_path())
    if (folder.filename() == "HGG" || folder.filename() == "LGG") return folder.filename().string();
  return {};
}

std::vector<TumourCase> find_tumours(const fs::path& root) {
  std::map<fs::path, TumourCase> cases;
  for (const fs::path& file : files_below(root)) {
    const TumourFile part = tumour_file(file);
    if (part.part.empty()) continue;
    TumourCase& tumour = cases[file.parent_path() / part.name];
    tumour.name = part.name;
    tumour.group = grade_of(file);
    tumour.form = part.form;
    tumour.files[part.part] = file;
  }
  std::vector<TumourCase> found;
  for (auto& [place, tumour] : cases) found.push_back(std::move(tumour));
  if (found.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no files <case>_flair.nii.gz, or Flair_subtrMeanDivStd.nii.gz, in it; "
                    "the folder of BraTS is needed",
                    root.string()));
  return found;
}

/// Of the modalities and "seg", those that any case has.
std::vector<std::string> present_parts(const std::vector<TumourCase>& cases) {
  std::vector<std::string> parts(kModalities.begin(), kModalities.end());
  parts.emplace_back("seg");
  std::erase_if(parts, [&](const std::string& part) {
    return std::ranges::none_of(cases, [&](const TumourCase& tumour) { return tumour.has(part); });
  });
  return parts;
}

std::string scanned_patient(const std::string& name, const std::string& expression) {
  static const std::regex kScan("(brats1[789]_.+)_[0-9]|(brats_.*[0-9].*)_[0-9]+",
                                std::regex::icase);
  if (!expression.empty()) return patient_of(name, expression);
  std::smatch match;
  if (!std::regex_match(name, match, kScan)) return name;
  return match[1].matched ? match[1].str() : match[2].str();
}

/// Codes 1, 2 and 4 are the classes; 2015's 3 goes with 1.
std::shared_ptr<const VolumeLabels> tumour_labels(TumourCase::Form form) {
  std::vector<LabelMap::Entry> entries{{1, "ncr"}, {2, "ed"}, {4, "et"}};
  if (form == TumourCase::Form::k2015) entries.push_back({3, "ncr"});
  return std::make_shared<VolumeLabels>(VolumeLabels{LabelMap(entries)});
}

ConversionItem tumour_item(const TumourCase& tumour, const VolumeFiles& files,
                           std::int64_t dimension, const ConverterOptions& options) {
  const auto labels = tumour_labels(tumour.form);
  ConversionItem item = volume_item(files, labels, dimension, options);
  if (options.normalize != "brain") return item;
  const fs::path mask = tumour.has("brainmask") ? tumour.files.at("brainmask") : fs::path();
  if (!mask.empty()) item.files.push_back(mask);
  item.read = [files, labels, dimension, mask, spacing = options.spacing] {
    Volume volume = read_volume(files, *labels);
    volume.image = normalized_in_brain(volume.image, mask, files.images);
    return volume_samples(volume, files.id, dimension, spacing);
  };
  return item;
}

VolumeFiles tumour_files(const TumourCase& tumour, const std::vector<std::string>& parts) {
  VolumeFiles files;
  for (const std::string& part : parts) {
    if (!tumour.has(part))
      throw std::invalid_argument(
          fmt::format("[{}] has no {}, which other cases have", tumour.name, part));
    (part == "seg" ? files.labels : files.images.emplace_back()) = tumour.files.at(part);
  }
  files.id.case_name = plain_name(tumour.name);
  files.id.group = tumour.group;
  return files;
}

}  // namespace

ConversionPlan plan_brats(const ConverterOptions& options) {
  if (!options.normalize.empty() && options.normalize != "none" && options.normalize != "brain")
    throw std::invalid_argument(
        fmt::format("[normalize] '{}'; none and brain are allowed", options.normalize));
  const std::vector<TumourCase> cases = find_tumours(options.source);
  const std::vector<std::string> parts = present_parts(cases);
  const auto channels =
      std::ranges::count_if(parts, [](const std::string& part) { return part != "seg"; });
  ConversionPlan plan{.header = {.name = "brats",
                                 .classes = {"ncr", "ed", "et"},
                                 .channels = channels,
                                 .dimension = dimension_of(options, 3),
                                 .regions = {{"wt", {1, 2, 3}}, {"tc", {1, 3}}, {"et", {3}}},
                                 .label_codes = {1, 2, 4}}};
  plan.notes.push_back(
      fmt::format("channels: {}", fmt::join(parts.begin(), parts.begin() + channels, ", ")));
  const auto name_of = patient_namer(options);
  for (const TumourCase& tumour : cases)
    plan_part(plan, options, [&] {
      VolumeFiles files = tumour_files(tumour, parts);
      files.id.patient = name_of(scanned_patient(tumour.name, options.patient));
      plan.items.push_back(tumour_item(tumour, files, plan.header.dimension, options));
    });
  return plan;
}

}  // namespace medsweep::datasets
