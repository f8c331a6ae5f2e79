#pragma once

#include <torch/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "datasets/converters/run_lengths.h"

namespace medsweep::datasets {

/// What the writers of COCO's format share: an annotation as pycocotools and `prepare coco` read
/// it.

/// The run lengths of a mask [H, W] of any type; what is not 0 is inside.
RunLengths runs_of(const torch::Tensor& mask);

/// A connected part (8 neighbours) of a mask.
struct MaskPart {
  RunLengths mask;
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;  ///< around its pixels; pixel i covers [i, i + 1)
};

/// From top to bottom. mask: [H, W] of any type; what is not 0 is inside.
std::vector<MaskPart> parts_of(const torch::Tensor& mask);

/// [x, y, width, height].
nlohmann::ordered_json coco_box(double x1, double y1, double x2, double y2);

/// {"id": 0, "image_id": 0, "category_id", "area", "bbox", "iscrowd": 0, "segmentation"}: ids come
/// with coco_document. Without a mask (null) the segmentation is empty, the area the box's.
nlohmann::ordered_json coco_annotation(std::int64_t category, nlohmann::ordered_json box,
                                       const RunLengths* mask);

/// {"images", "annotations"}: annotations[i] are those of images[i], whose id is i + 1; they are
/// numbered from 1 in this order.
nlohmann::ordered_json coco_document(const std::vector<nlohmann::ordered_json>& images,
                                     std::vector<std::vector<nlohmann::ordered_json>> annotations);

}  // namespace medsweep::datasets
