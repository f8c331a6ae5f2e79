#pragma once

#include <torch/types.h>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

namespace medsweep::models {

/// What the ranks' batches are together, per channel.
struct JoinedStatistics {
  torch::Tensor output;    ///< as the input
  torch::Tensor mean;      ///< [C] float32
  torch::Tensor variance;  ///< [C] float32, unbiased over the global count
};

/// Of values per channel: how many, their mean and biased variance, [C] float64.
struct JoinedMoments {
  double count;
  torch::Tensor mean, variance;
};

/// Those of all ranks together, by one all-reduce of 1 + 2 C numbers; a rank without values has
/// count 0. Throws std::invalid_argument on all ranks when a channel has one value in all or none.
JoinedMoments join_moments(const JoinedMoments& own,
                           const c10::intrusive_ptr<c10d::ProcessGroup>& group);

/// By one all-reduce.
torch::Tensor sum_over_ranks(const torch::Tensor& values,
                             const c10::intrusive_ptr<c10d::ProcessGroup>& group);

/// By torch's operators: batch normalisation with the statistics of all ranks of `group`,
/// differentiable in input, weight and bias. Gradients of weight and bias are this rank's share:
/// their sum over the ranks is the whole gradient. Collective in forward (join_moments) and in
/// backward (the gradients of bias and weight, [2, C], summed), as rectified_normalization is:
/// ranks may take either. See BatchNorm2d. Throws std::invalid_argument on all ranks when a channel
/// has one value in all or none.
JoinedStatistics synchronized_batch_norm(const torch::Tensor& input, const torch::Tensor& weight,
                                         const torch::Tensor& bias, double eps,
                                         const c10::intrusive_ptr<c10d::ProcessGroup>& group);

}  // namespace medsweep::models
