#include "runner/trial_augmentation.h"

#include "datasets/augmentation/augmentation.h"

namespace medsweep::runner {
namespace {

datasets::AugmentationOptions augmentation_options(const Named& row) {
  datasets::AugmentationOptions options;
  const auto read = [&row](const char* key, auto& value) { value = row.get(key, value); };
  read("probability", options.probability);
  read("degrees", options.degrees);
  read("tilt", options.tilt);
  options.axes = datasets::flip_axes(row.get<std::string>("axes", "both"));
  options.border = datasets::border_of(row.get<std::string>("border", "zero"));
  read("scaling", options.scaling);
  read("shear", options.shear);
  read("magnitude", options.magnitude);
  read("spacing", options.spacing);
  read("smallest", options.smallest);
  read("foreground", options.foreground);
  read("margin", options.margin);
  read("brightness", options.brightness);
  read("contrast", options.contrast);
  read("gamma", options.gamma);
  read("saturation", options.saturation);
  read("sharpness", options.sharpness);
  read("blur", options.blur);
  read("sigma", options.sigma);
  read("clip", options.clip);
  read("tiles", options.tiles);
  read("holes", options.holes);
  read("hole", options.hole);
  return options;
}

}  // namespace

datasets::Augmentation make_augmentation(const std::vector<Named>& list) {
  std::vector<datasets::NamedAugmentation> named;
  for (const Named& row : list) named.push_back({row.name, augmentation_options(row)});
  return datasets::make_augmentation(named);
}

}  // namespace medsweep::runner
