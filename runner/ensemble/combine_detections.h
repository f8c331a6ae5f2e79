#pragma once

#include <cstdint>
#include <vector>

#include "datasets/batch.h"
#include "models/model.h"
#include "runner/ensemble/methods.h"

namespace medsweep::runner {

/// How many objects of a class an image has.
enum class ObjectsPerClass {
  kOne,   ///< one: a left lung. All detections of a class are of it
  kMany,  ///< any number: opacities. Detections are of one object where they overlap
};

/// How detections become one set.
struct DetectionEnsemble {
  EnsembleMethod method = EnsembleMethod::kVote;
  ObjectsPerClass objects = ObjectsPerClass::kOne;
  std::int64_t minimum_votes = 0;  ///< for kVote; 0: more than half of the trials
  double minimum_score = 0;        ///< detections below it take no part
  double opening = 0.01;           ///< for kVote: the side of the square in heights of the image,
                                   ///< rounded down to pixels; 0: none
  double same_object_iou = 0.5;    ///< for kMany
};

/// What several trials found in one image -> one set, by falling score. The detections of an object
/// are those of its class; for kMany, by falling score, each joins the first object whose first
/// detection it overlaps with an IoU (of masks, else of boxes) of at least same_object_iou and
/// which has none of its trial yet, or begins a new one.
///
///   kVote   as the Lungs system: the mask is where the sum of the object's masks is at least
///           minimum_votes, or one less, and so on down to 1, while that is nowhere; then opened
///           (not where that would leave nothing), and its largest 8-connected part. The box is
///           the union of the boxes, the score the mean of the scores. For kMany an object with
///           fewer than minimum_votes detections is left out
///   kMean   a trial's probability of a pixel is its highest score of a mask there, else 0. The
///   mask
///           is where the mean over all trials is at least 0.5, the box is around it, the score is
///           the mean over all trials of their highest scores. Without masks: the box is the mean,
///           weighted by the scores. An object whose mask is empty, or without masks whose score
///           is below 0.5, is left out
///   kUnion  the union of masks and of boxes, the highest score
///
/// Throws std::invalid_argument for no trials, for masks in some trials' detections only or of
/// another size than the image, and minimum_votes above the number of trials.
models::Detections combine_detections(const std::vector<models::Detections>& trials,
                                      const datasets::Extent& image,
                                      const DetectionEnsemble& ensemble);

}  // namespace medsweep::runner
