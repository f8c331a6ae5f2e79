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

/// Batch normalisation with the statistics of all ranks of `group`, differentiable in input,
/// weight and bias. Gradients of weight and bias are this rank's share: their sum over the ranks is
/// the whole gradient. Collective in forward and in backward; see BatchNorm2d.
/// Throws std::invalid_argument on all ranks when a channel has one value in all or none.
JoinedStatistics synchronized_batch_norm(const torch::Tensor& input, const torch::Tensor& weight,
                                         const torch::Tensor& bias, double eps,
                                         const c10::intrusive_ptr<c10d::ProcessGroup>& group);

}  // namespace medsweep::models
