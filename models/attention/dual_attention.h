#pragma once

#include "models/attention/attention.h"

namespace medsweep::models {

/// x + a P(x) + b K(x), with a and b scalars that start at 0, so that it begins as the identity.
///   P: every position sees every other one: softmax(q^T k) v, q and k with C / 8 channels, v with
///      C, each a 1x1 convolution of x with bias; nothing divides the logits.
///   K: every channel sees every other one: softmax(X X^T) X with X the map as [C, positions].
/// Fu et al.: Dual Attention Network, CVPR 2019 (arXiv 1809.02983), whose two branches each add x
/// to theirs and are summed behind further convolutions; here x is added once. In 3-D D, H and W
/// are all positions. K is as in the paper; its authors' code takes softmax(max - X X^T).
///
/// Keys: query.*, key.*, value.*, position_scale [1], channel_scale [1].
/// Memory and time of P: see SelfAttention. Logits and weights are float32 in every precision.
class DualAttention : public Attention {
 public:
  /// Throws std::invalid_argument for fewer than 8 channels.
  explicit DualAttention(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& features) override;

 private:
  AttentionOptions options_;
  torch::nn::AnyModule query_, key_, value_;
  torch::Tensor position_scale_, channel_scale_;
};

}  // namespace medsweep::models
