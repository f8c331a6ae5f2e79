#include "datasets/converters/drive.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <regex>
#include <stdexcept>

#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/retina.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> find_halves(const fs::path& root) {
  const fs::path absolute = fs::weakly_canonical(root);
  if (!fs::is_directory(absolute))
    throw std::invalid_argument(
        fmt::format("[{}] is no folder; the folder of DRIVE is needed", root.string()));
  std::vector<fs::path> halves;
  if (fs::is_directory(absolute / "images")) halves.push_back(absolute);
  for (const auto& entry : fs::recursive_directory_iterator(absolute))
    if (entry.is_directory() && fs::is_directory(entry.path() / "images"))
      halves.push_back(entry.path());
  std::ranges::sort(halves);
  if (halves.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no folder 'images' in it; the folder of DRIVE is needed", root.string()));
  return halves;
}

/// number -> file, for the files in a folder that match; the number is the first group.
std::map<std::string, fs::path> numbered_files(const fs::path& folder, const std::regex& pattern) {
  std::map<std::string, fs::path> files;
  if (!fs::is_directory(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    std::smatch match;
    if (std::regex_match(name, match, pattern)) files[match[1].str()] = entry.path();
  }
  return files;
}

fs::path file_or_none(const std::map<std::string, fs::path>& files, const std::string& number) {
  const auto found = files.find(number);
  return found == files.end() ? fs::path() : found->second;
}

void add_half(ConversionPlan& plan, const ConverterOptions& options, const fs::path& half) {
  static const std::regex kImage("([0-9]+)_.*\\.tiff?"), kManual("([0-9]+)_manual1\\.gif"),
      kSecond("([0-9]+)_manual2\\.gif"), kMask("([0-9]+)_.*mask\\.gif");
  const auto images = numbered_files(half / "images", kImage);
  const auto manuals = numbered_files(half / "1st_manual", kManual);
  const auto seconds = numbered_files(half / "2nd_manual", kSecond);
  const auto masks = numbered_files(half / "mask", kMask);
  if (images.empty())
    throw std::invalid_argument(fmt::format(
        "[{}] no images; NN_training.tif or NN_test.tif are needed", (half / "images").string()));
  for (const auto& [number, image] : images) {
    const Retina retina{.name = number,
                        .patient = retina_patient(options, number),
                        .source = half.filename().string(),
                        .image = image,
                        .vessels = file_or_none(manuals, number),
                        .second_observer = file_or_none(seconds, number),
                        .field_of_view = file_or_none(masks, number)};
    const std::string expected =
        retina.vessels.empty()         ? fmt::format("1st_manual/{}_manual1.gif", number)
        : retina.field_of_view.empty() ? fmt::format("mask/{}_mask.gif", image.stem().string())
                                       : "";
    if (expected.empty())
      plan.items.push_back(retina_item(retina, DrawnLevels::kBlackAndWhite));
    else
      refuse_part(plan, options,
                  fmt::format("[{}] has no mask: {} is missing", image.string(), expected));
  }
}

}  // namespace

ConversionPlan plan_drive(const ConverterOptions& options) {
  ConversionPlan plan{.header = retina_header("drive")};
  bool drawn = false;
  for (const fs::path& half : find_halves(options.source)) {
    if (fs::is_directory(half / "1st_manual")) {
      drawn = true;
      add_half(plan, options, half);
    } else {
      plan.notes.push_back(
          fmt::format("{} has no 1st_manual: its images are left out", half.filename().string()));
    }
  }
  if (!drawn)
    throw std::invalid_argument(
        fmt::format("[{}] no masks: 1st_manual is missing", options.source.string()));
  return plan;
}

}  // namespace medsweep::datasets
