#include "datasets/converters/shenzhen.h"

#include <fmt/format.h>

#include <stdexcept>

#include "datasets/converters/image_files.h"
#include "datasets/converters/lung_labels.h"
#include "datasets/converters/lung_split.h"
#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/source_tree.h"
#include "datasets/converters/tuberculosis_set.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

std::vector<RawSample> read_shenzhen(const fs::path& image, const fs::path& mask,
                                     const SampleId& id) {
  RawSample sample;
  sample.id = id;
  sample.image = read_image(image, ColorKind::kGray);
  const torch::Tensor lungs = read_mask(mask);
  check_mask_size(lungs, mask, sample.image, image);
  const LungSplit split = split_lungs(lungs);
  if (split.by == LungSplitBy::kNothing)
    throw std::invalid_argument(
        fmt::format("[{}] an empty mask; both lungs are needed", mask.string()));
  set_lungs(sample, split);
  return {sample};
}

}  // namespace

ConversionPlan plan_shenzhen(const ConverterOptions& options) {
  const std::vector<fs::path> files = files_below(options.source);
  const auto images = files_matching(files, "CXR_png/*.png");
  const auto masks = files_matching(files, "*_mask.png");
  if (images.empty() || masks.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no {} in it; CXR_png/CHNCXR_0001_0.png, ... and "
                    "mask/CHNCXR_0001_0_mask.png, ... of Shenzhen are needed",
                    options.source.string(), images.empty() ? "images" : "masks"));
  ConversionPlan plan{.header = {.name = "shenzhen", .classes = lung_classes()}};
  for (const auto& [name, mask] : masks)
    if (!images.contains(name))
      refuse_part(plan, options,
                  fmt::format("[{}] has no image: CXR_png/{}.png is missing", mask.string(), name));
  std::vector<std::string> without_mask;
  for (const auto& [name, image] : images) {
    if (!masks.contains(name)) {
      without_mask.push_back(name);
      continue;
    }
    const fs::path mask = masks.at(name);
    const SampleId id = tuberculosis_id(options, image, "shenzhen");
    plan.items.push_back({.name = name, .files = {image, mask}, .read = [image, mask, id] {
                            return read_shenzhen(image, mask, id);
                          }});
  }
  note_names(plan, without_mask, "images have no mask: they are left out");
  return plan;
}

}  // namespace medsweep::datasets
