#pragma once

#include <torch/types.h>

#include <functional>

#include "base/random.h"
#include "models/mask_rcnn/stage_options.h"

namespace medsweep::models {

/// Takes `count` of `candidates` ([n] int64, ascending; count <= n) and returns them ascending.
using ChooseCandidates = std::function<torch::Tensor(const torch::Tensor& candidates,
                                                     std::int64_t count, RandomStream& stream)>;

/// Each subset with the same probability.
torch::Tensor choose_at_random(const torch::Tensor& candidates, std::int64_t count,
                               RandomStream& stream);

/// The first ones, without a random number: what comparisons with other code fix the sampling to.
torch::Tensor choose_first(const torch::Tensor& candidates, std::int64_t count,
                           RandomStream& stream);

struct Sampled {
  torch::Tensor positive;     ///< [p] int64, ascending positions
  torch::Tensor negative;     ///< [q] likewise
  torch::Tensor all() const;  ///< [p + q], ascending
};

/// Of candidates with `labels` ([n] int64: above 0 positive, 0 negative, below not to be used) at
/// most per_image, of which at most positive_share positive. Negatives fill up what is missing, or
/// are as many as keep the share (kTiedToPositives: floor(p / share) - p, none without positives).
Sampled sample_balanced(const torch::Tensor& labels, const SamplingOptions& options,
                        const ChooseCandidates& choose, RandomStream& stream);

}  // namespace medsweep::models
