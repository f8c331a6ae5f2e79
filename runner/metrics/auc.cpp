#include "runner/metrics/auc.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace medsweep::runner {
namespace {

struct Scores {
  std::vector<float> positive, negative;  ///< sorted
};

std::optional<Scores> scores_of(const Case& whole, std::uint8_t label) {
  const std::int64_t voxels = whole.truth.numel();
  const float* probability = whole.probabilities.const_data_ptr<float>() + (label - 1) * voxels;
  const auto* truth = whole.truth.const_data_ptr<std::uint8_t>();
  const bool* valid = whole.valid.defined() ? whole.valid.const_data_ptr<bool>() : nullptr;
  Scores scores;
  for (std::int64_t i = 0; i < voxels; ++i) {
    if (valid != nullptr && !valid[i]) continue;
    if (std::isnan(probability[i])) return std::nullopt;
    (truth[i] == label ? scores.positive : scores.negative).push_back(probability[i]);
  }
  std::ranges::sort(scores.positive);
  std::ranges::sort(scores.negative);
  return scores;
}

}  // namespace

std::optional<double> auc(const Case& whole, std::uint8_t label) {
  const std::optional<Scores> scores = scores_of(whole, label);
  if (!scores || scores->positive.empty() || scores->negative.empty()) return std::nullopt;
  // Twice the number of rightly ordered pairs, so that ties stay whole: below 2^63 for any image.
  std::int64_t twice_ordered = 0;
  auto below = scores->negative.begin(), not_above = scores->negative.begin();
  const auto end = scores->negative.end();
  for (const float score : scores->positive) {
    while (below != end && *below < score) ++below;
    while (not_above != end && *not_above <= score) ++not_above;
    twice_ordered += (below - scores->negative.begin()) + (not_above - scores->negative.begin());
  }
  return static_cast<double>(twice_ordered) / (2 * static_cast<double>(scores->positive.size()) *
                                               static_cast<double>(scores->negative.size()));
}

}  // namespace medsweep::runner
