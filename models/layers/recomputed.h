#pragma once

#include <torch/types.h>

#include <functional>

namespace medsweep::models {

/// What a training step remembers of a network's stages.
enum class Activations {
  kKept,
  kRecomputed,  ///< computed again in the backward pass
};

/// A part of a network, of one map or of two (the second undefined where there is none). It is
/// called again after the forward has returned: it holds copies and members, no local's address.
using Stage = std::function<torch::Tensor(const torch::Tensor&, const torch::Tensor&)>;

/// stage(first, second); with kRecomputed one of which the graph keeps the inputs alone: what the
/// gradient needs is computed again when the gradient is, so that a network holds one stage at a
/// time. The same numbers; about a third more time. Chen et al.: Training Deep Nets with Sublinear
/// Memory Cost, 2016 (arXiv 1604.06174).
///
/// The stage's layers outlive the graph. Their running statistics follow the first run alone, and
/// random layers draw the same twice, unless they were given other keys in between. The second run
/// has the first one's autocast.
torch::Tensor run_stage(Activations activations, const Stage& stage, const torch::Tensor& first,
                        const torch::Tensor& second = {});

}  // namespace medsweep::models
