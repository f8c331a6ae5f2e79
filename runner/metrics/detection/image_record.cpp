#include "runner/metrics/detection/image_record.h"

#include "runner/metrics/detection/best_match.h"
#include "runner/metrics/detection/rsna_score.h"

namespace medsweep::runner {
namespace {

bool has_objects(const ClassOverlap& overlap) {
  for (const std::uint8_t crowd : overlap.ignore)
    if (crowd == 0) return true;
  return false;
}

ClassRecord class_record(const ClassOverlap& overlap, double minimum_score) {
  ClassRecord record;
  record.boxes = match_objects(overlap, overlap.boxes);
  record.box_iou = best_matches(overlap, overlap.boxes, minimum_score).iou;
  record.rsna_score = rsna_score(overlap, minimum_score);
  if (!overlap.masks) return record;
  record.masks = match_objects(overlap, *overlap.masks);
  const BestMatches matches = best_matches(overlap, *overlap.masks, minimum_score);
  record.mask_iou = matches.iou;
  record.mask_dice = matches.dice;
  return record;
}

}  // namespace

ImageRecord image_record(const DetectionCase& ready, const DetectionOptions& options) {
  ImageRecord record{.name = ready.name,
                     .has_masks = has_masks(ready),
                     .heart = heart_boxes(ready, options.heart),
                     .seconds = ready.seconds};
  for (std::size_t i = 0; i < ready.classes.size(); ++i) {
    const ClassOverlap overlap = overlap_of_class(ready, static_cast<std::int64_t>(i) + 1);
    record.classes.push_back(class_record(overlap, options.minimum_score));
    if (!has_objects(overlap)) continue;
    const double worst =
        best_matches(overlap, overlap.best_known(), options.minimum_score).worst_iou;
    const bool found = worst >= options.found_iou;
    record.all_found = found && record.all_found.value_or(1) > 0 ? 1 : 0;
  }
  return record;
}

}  // namespace medsweep::runner
