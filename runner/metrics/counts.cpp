#include "runner/metrics/counts.h"

#include <array>
#include <cstdlib>

namespace medsweep::runner {
namespace {

std::optional<double> ratio(std::int64_t numerator, std::int64_t denominator) {
  if (denominator == 0) return std::nullopt;
  return static_cast<double>(numerator) / static_cast<double>(denominator);
}

constexpr std::size_t kLabels = 256;
using Confusion = std::vector<std::int64_t>;  // [prediction][truth]

Confusion confusion_of(const Case& whole) {
  Confusion confusion(kLabels * kLabels);
  const auto* prediction = whole.prediction.const_data_ptr<std::uint8_t>();
  const auto* truth = whole.truth.const_data_ptr<std::uint8_t>();
  const bool* valid = whole.valid.defined() ? whole.valid.const_data_ptr<bool>() : nullptr;
  for (std::int64_t i = 0; i < whole.truth.numel(); ++i)
    confusion[prediction[i] * kLabels + truth[i]] += valid == nullptr || valid[i] ? 1 : 0;
  return confusion;
}

}  // namespace

Counts& Counts::operator+=(const Counts& other) {
  true_positive += other.true_positive;
  false_positive += other.false_positive;
  false_negative += other.false_negative;
  true_negative += other.true_negative;
  return *this;
}

std::vector<Counts> count_classes(const Case& whole) {
  const Confusion confusion = confusion_of(whole);
  std::array<std::int64_t, kLabels> predicted{}, real{};
  std::int64_t total = 0;
  for (std::size_t i = 0; i < confusion.size(); ++i) {
    predicted[i / kLabels] += confusion[i];
    real[i % kLabels] += confusion[i];
    total += confusion[i];
  }
  std::vector<Counts> counts;
  for (std::size_t label = 1; label <= whole.classes.size(); ++label) {
    const std::int64_t hit = confusion[label * kLabels + label];
    counts.push_back({hit, predicted[label] - hit, real[label] - hit,
                      total - predicted[label] - real[label] + hit});
  }
  return counts;
}

std::optional<double> dice(const Counts& counts) {
  if (counts.both_empty()) return 1;
  return ratio(2 * counts.true_positive,
               2 * counts.true_positive + counts.false_positive + counts.false_negative);
}

std::optional<double> iou(const Counts& counts) {
  if (counts.both_empty()) return 1;
  return ratio(counts.true_positive,
               counts.true_positive + counts.false_positive + counts.false_negative);
}

std::optional<double> sensitivity(const Counts& counts) {
  return ratio(counts.true_positive, counts.true_positive + counts.false_negative);
}

std::optional<double> specificity(const Counts& counts) {
  return ratio(counts.true_negative, counts.true_negative + counts.false_positive);
}

std::optional<double> precision(const Counts& counts) {
  return ratio(counts.true_positive, counts.true_positive + counts.false_positive);
}

std::optional<double> accuracy(const Counts& counts) {
  const std::int64_t right = counts.true_positive + counts.true_negative;
  return ratio(right, right + counts.false_positive + counts.false_negative);
}

std::optional<double> overlap_error(const Counts& counts) { return 1 - iou(counts).value(); }

std::optional<double> volume_difference(const Counts& counts) {
  return ratio(std::abs(counts.false_positive - counts.false_negative),
               counts.true_positive + counts.false_negative);
}

}  // namespace medsweep::runner
