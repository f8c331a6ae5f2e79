#include "datasets/converters/chase_db1.h"

#include <fmt/format.h>

#include <stdexcept>

#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/retina.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr Extent kChaseSize{.height = 960, .width = 999};

std::string chase_patient(const std::string& name) {
  return name.substr(0, name.size() - 1);  // Image_01L, Image_01R
}

}  // namespace

ConversionPlan plan_chase_db1(const ConverterOptions& options) {
  static const std::regex kImage("(Image_[0-9]+[LR])\\.(?:jpe?g|png|tiff?)", std::regex::icase),
      kFirst("(Image_[0-9]+[LR])_1stHO\\.(?:png|tiff?|gif)", std::regex::icase),
      kSecond("(Image_[0-9]+[LR])_2ndHO\\.(?:png|tiff?|gif)", std::regex::icase);
  const std::vector<fs::path> files = files_below(options.source);
  const auto images = files_by_group(files, kImage), first = files_by_group(files, kFirst),
             second = files_by_group(files, kSecond);
  if (images.empty())
    throw std::invalid_argument(fmt::format(
        "[{}] no images; Image_01L.jpg, ... of CHASE_DB1 are needed", options.source.string()));
  ConversionPlan plan{.header = retina_header("chase_db1")};
  std::vector<fs::path> used;
  for (const auto& [name, image] : images) {
    if (!first.contains(name)) {
      refuse_part(plan, options,
                  fmt::format("[{}] has no mask: {}_1stHO.png is missing", image.string(), name));
      continue;
    }
    used.push_back(image);
    plan.items.push_back(
        retina_item({.name = name,
                     .patient = retina_patient(options, chase_patient(name)),
                     .source = "chase_db1",
                     .image = image,
                     .vessels = first.at(name),
                     .second_observer = second.contains(name) ? second.at(name) : fs::path(),
                     .field_of_view = {}},
                    DrawnLevels::kThreshold));
  }
  note_sizes(plan, used, kChaseSize);
  plan.notes.push_back("the field of view is not distributed: it is computed from the luminance");
  return plan;
}

}  // namespace medsweep::datasets
