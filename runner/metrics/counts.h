#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runner/metrics/case.h"

namespace medsweep::runner {

/// Voxels of one case (or the sum over cases) by prediction and truth of one class against all
/// others, where the case is valid.
struct Counts {
  std::int64_t true_positive = 0, false_positive = 0, false_negative = 0, true_negative = 0;

  bool both_empty() const { return true_positive + false_positive + false_negative == 0; }
  Counts& operator+=(const Counts& other);
  bool operator==(const Counts&) const = default;
};

/// Classes 1...K in their order, out of one pass over the case. Expects a checked case.
std::vector<Counts> count_classes(const Case& whole);

/// 2 TP / (2 TP + FP + FN); 1 where both are empty. Dice 1945; Sorensen 1948.
std::optional<double> dice(const Counts& counts);
/// TP / (TP + FP + FN); 1 where both are empty. Jaccard 1912.
std::optional<double> iou(const Counts& counts);
/// TP / (TP + FN); undefined without truth.
std::optional<double> sensitivity(const Counts& counts);
/// TN / (TN + FP); undefined where everything is truth.
std::optional<double> specificity(const Counts& counts);
/// TP / (TP + FP); undefined without prediction.
std::optional<double> precision(const Counts& counts);
/// (TP + TN) / all; undefined where nothing is valid.
std::optional<double> accuracy(const Counts& counts);
/// 1 - iou: the volumetric overlap error.
std::optional<double> overlap_error(const Counts& counts);
/// | |P| - |T| | / |T|: the relative volume difference, without its sign; undefined without truth.
std::optional<double> volume_difference(const Counts& counts);

}  // namespace medsweep::runner
