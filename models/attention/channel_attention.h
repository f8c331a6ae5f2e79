#pragma once

#include "models/attention/attention.h"

namespace medsweep::models {

/// x * sigmoid(W2 relu(W1 mean(x))): channels weighed by what the whole map holds of each.
/// mean over all positions; W1: C -> C / reduction, W2 back, with biases.
/// Hu, Shen, Sun: Squeeze-and-Excitation Networks, CVPR 2018 (arXiv 1709.01507).
/// Keys: fc1.*, fc2.*.
class SqueezeExcitation : public Attention {
 public:
  explicit SqueezeExcitation(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& features) override;

 private:
  AttentionOptions options_;
  torch::nn::Linear fc1_{nullptr}, fc2_{nullptr};
};

/// As SqueezeExcitation with one small convolution along the channels in place of W1 and W2: no
/// bias, kernel of the odd number at or above floor((log2(C) + 1) / 2): 3 for 32 channels, 5 for
/// 256, 7 for 2048.
/// Wang et al.: ECA-Net, CVPR 2020 (arXiv 1910.03151). Keys: convolution.weight [1, 1, k].
class EfficientChannelAttention : public Attention {
 public:
  explicit EfficientChannelAttention(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& features) override;

 private:
  AttentionOptions options_;
  torch::nn::Conv1d convolution_{nullptr};
};

}  // namespace medsweep::models
