#include "datasets/converters/montgomery.h"

#include <fmt/format.h>

#include <stdexcept>

#include "datasets/converters/image_files.h"
#include "datasets/converters/lung_labels.h"
#include "datasets/converters/mask_pairs.h"
#include "datasets/converters/source_tree.h"
#include "datasets/converters/structure_labels.h"
#include "datasets/converters/tuberculosis_set.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

/// An X-ray and its two lungs, as the patient has them.
struct MontgomeryImage {
  fs::path image, left, right;
};

torch::Tensor read_montgomery_mask(const fs::path& path, const torch::Tensor& image,
                                   const fs::path& image_path) {
  torch::Tensor mask = read_mask(path);
  check_mask_size(mask, path, image, image_path);
  return mask;
}

std::vector<RawSample> read_montgomery(const MontgomeryImage& files, const SampleId& id) {
  RawSample sample;
  sample.id = id;
  sample.image = read_image(files.image, ColorKind::kGray);
  const torch::Tensor left = read_montgomery_mask(files.left, sample.image, files.image);
  const torch::Tensor right = read_montgomery_mask(files.right, sample.image, files.image);
  if (mask_centre(left, files.left.string()) <= mask_centre(right, files.right.string()))
    throw std::invalid_argument(
        fmt::format("[{}] the left lung lies left of the right one in the image; the patient's "
                    "left is the image's right",
                    files.left.string()));
  set_structures(sample, {left, right});
  return {sample};
}

}  // namespace

ConversionPlan plan_montgomery(const ConverterOptions& options) {
  const std::vector<fs::path> files = files_below(options.source);
  const auto images = files_matching(files, "CXR_png/*.png"),
             left = files_matching(files, "leftMask/*.png"),
             right = files_matching(files, "rightMask/*.png");
  if (images.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no images; CXR_png/MCUCXR_0001_0.png, ... of Montgomery are needed",
                    options.source.string()));
  ConversionPlan plan{.header = {.name = "montgomery", .classes = lung_classes()}};
  for (const auto& [name, image] : images) {
    const bool no_left = !left.contains(name);
    if (no_left || !right.contains(name)) {
      refuse_part(plan, options,
                  fmt::format("[{}] has no mask: {}/{}.png is missing", image.string(),
                              no_left ? "leftMask" : "rightMask", name));
      continue;
    }
    const MontgomeryImage parts{.image = image, .left = left.at(name), .right = right.at(name)};
    const SampleId id = tuberculosis_id(options, image, "montgomery");
    plan.items.push_back({.name = name,
                          .files = {parts.image, parts.left, parts.right},
                          .read = [parts, id] { return read_montgomery(parts, id); }});
  }
  return plan;
}

}  // namespace medsweep::datasets
