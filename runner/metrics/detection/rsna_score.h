#pragma once

#include <optional>

#include "runner/metrics/detection/overlap.h"

namespace medsweep::runner {

/// The score of one image in the RSNA Pneumonia Detection Challenge (2018), by boxes: the mean over
/// the thresholds 0.4, 0.45 ... 0.75 of TP / (TP + FP + FN). In the order of their scores the
/// detections of a score >= minimum_score take the free object of the largest IoU > threshold.
///
/// An image without objects is 0 where something was found, and undefined, so left out of the mean,
/// where nothing was. Crowds are no objects, and what lies in one with a threshold's
/// share of its area is no error at this threshold (an image of crowds alone: with half of its
/// area).
std::optional<double> rsna_score(const ClassOverlap& overlap, double minimum_score);

}  // namespace medsweep::runner
