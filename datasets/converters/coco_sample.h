#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "datasets/converters/coco_annotations.h"
#include "datasets/converters/image_files.h"
#include "datasets/data_file.h"

namespace medsweep::datasets {

/// Annotations with what is wanted of them: shared by all items of a plan.
struct CocoSet {
  std::filesystem::path json;  ///< of error texts
  CocoAnnotations annotations;
  std::vector<std::uint8_t> labels;               ///< of each category; 0: not wanted
  std::vector<std::vector<std::size_t>> objects;  ///< of each image: rows of annotations.objects
  bool masks = false;                             ///< else only boxes are known
  ColorKind color = ColorKind::kRgb;
};

/// One image with its objects, label map and field of view; `image` is a row of annotations.images.
/// Throws std::invalid_argument that names the file where it has another size than annotated or
/// more than 8 bits, and as read_image.
RawSample read_coco_sample(const CocoSet& set, std::size_t image,
                           const std::filesystem::path& file);

/// Paints the label map from the objects' masks, large ones first so that small ones stay visible;
/// where there are crowds they are outside the field of view, but for pixels of other objects.
void paint_objects(RawSample& sample);

}  // namespace medsweep::datasets
