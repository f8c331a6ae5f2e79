#include "datasets/converters/stare.h"

#include <fmt/format.h>

#include <stdexcept>

#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/retina.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr Extent kStareSize{.height = 605, .width = 700};

std::regex stare_pattern(const std::string& middle) {
  return std::regex("(im[0-9]+)" + middle + "\\.(?:ppm(?:\\.gz)?|pgm(?:\\.gz)?|png|tiff?)");
}

}  // namespace

ConversionPlan plan_stare(const ConverterOptions& options) {
  const std::vector<fs::path> files = files_below(options.source);
  const auto images = files_by_group(files, stare_pattern(""));
  const auto first = files_by_group(files, stare_pattern("\\.ah"));
  const auto second = files_by_group(files, stare_pattern("\\.vk"));
  if (images.empty() || first.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no {} in it; stare-images/im0001.ppm.gz and "
                    "labels-ah/im0001.ah.ppm.gz of STARE are needed",
                    options.source.string(), images.empty() ? "images" : "labels"));
  ConversionPlan plan{.header = retina_header("stare")};
  for (const auto& [name, labels] : first)
    if (!images.contains(name))
      refuse_part(plan, options,
                  fmt::format("[{}] has no image: {}.ppm is missing", labels.string(), name));
  std::vector<std::string> unlabelled;
  std::vector<fs::path> used;
  for (const auto& [name, image] : images) {
    if (!first.contains(name)) {
      unlabelled.push_back(name);
      continue;
    }
    used.push_back(image);
    plan.items.push_back(
        retina_item({.name = name,
                     .patient = retina_patient(options, name),
                     .source = "stare",
                     .image = image,
                     .vessels = first.at(name),
                     .second_observer = second.contains(name) ? second.at(name) : fs::path(),
                     .field_of_view = {}},
                    DrawnLevels::kThreshold));
  }
  note_names(plan, unlabelled, "images have no labels-ah: they are left out");
  note_sizes(plan, used, kStareSize);
  plan.notes.push_back("the field of view is not distributed: it is computed from the luminance");
  return plan;
}

}  // namespace medsweep::datasets
