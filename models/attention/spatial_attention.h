#pragma once

#include "models/attention/attention.h"
#include "models/attention/channel_attention.h"
#include "models/layers/batch_norm.h"

namespace medsweep::models {

/// x * sigmoid(convolution(mean and maximum over the channels)): positions weighed by what lies
/// around them. One convolution of kernel_size, 2 -> 1 channels, no bias; the mean first.
/// The spatial half of CBAM (arXiv 1807.06521) as SA-UNet has it: Guo et al., ICPR 2020 (arXiv
/// 2004.03696). Keys: convolution.weight; 98 parameters with kernel 7, 686 in 3-D.
class SpatialAttention : public Attention {
 public:
  /// Throws std::invalid_argument for an even kernel.
  explicit SpatialAttention(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& features) override;

 private:
  AttentionOptions options_;
  torch::nn::AnyModule convolution_;
};

/// First channels, then positions: x' = x * sigmoid(mlp(mean) + mlp(maximum)) over all positions,
/// with one mlp C -> C / reduction -> C; then x' * sigmoid(norm(convolution(maximum and mean of x'
/// over the channels))), the maximum first, no bias, batch normalisation of momentum 0.01. Woo,
/// Park, Lee, Kweon: CBAM, ECCV 2018 (arXiv 1807.06521). Keys: fc1.*, fc2.*, convolution.weight,
/// normalization.*.
class Cbam : public Attention {
 public:
  /// Throws std::invalid_argument for an even kernel.
  explicit Cbam(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& features) override;

 private:
  AttentionOptions options_;
  torch::nn::Linear fc1_{nullptr}, fc2_{nullptr};
  torch::nn::AnyModule convolution_, normalization_;
};

/// SqueezeExcitation beside x * sigmoid(w^T x + b), a 1x1 convolution to one channel; joined by
/// maximum or sum.
/// Roy, Navab, Wachinger: Concurrent Spatial and Channel Squeeze & Excitation, MICCAI 2018 (arXiv
/// 1803.02579). Keys: channel.fc1.*, channel.fc2.*, spatial.*.
class ConcurrentSqueezeExcitation : public Attention {
 public:
  explicit ConcurrentSqueezeExcitation(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& features) override;

 private:
  AttentionOptions options_;
  std::shared_ptr<SqueezeExcitation> channel_;
  torch::nn::AnyModule spatial_;
};

}  // namespace medsweep::models
