#pragma once

#include "models/attention/attention.h"
#include "models/attention/blocked_attention.h"

namespace medsweep::models {

/// x + softmax(q^T k / sqrt(C)) v: every position of a map sees every other one, wherever it lies.
/// q and k have C / 8 channels, v has C, each a 1x1 convolution of x with bias; the logits are
/// divided by the root of C, not of C / 8, and nothing scales the result before it is added.
/// After Zhang et al.: Self-Attention GANs, ICML 2019 (arXiv 1805.08318), as Heart's mask head has
/// it. Keys: query.*, key.*, value.*.
///
/// Memory: q, k, v, the output and at most 16 MiB of weights at a time, not (H W)^2 numbers, in 3-D
/// (D H W)^2; the time does grow with it. See attend(). Logits and weights are float32 in every
/// precision.
class SelfAttention : public Attention {
 public:
  /// Throws std::invalid_argument for fewer than 8 channels.
  explicit SelfAttention(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& features) override;

 private:
  AttentionOptions options_;
  torch::nn::AnyModule query_, key_, value_;
};

/// As SelfAttention, with logits that also know how far the other position lies:
///   logit(i, j) = q_i^T (k_j + h[clip(y_j - y_i)] + w[clip(x_j - x_i)]) / sqrt(C / heads),
/// in 3-D with a third table d[clip(z_j - z_i)], where clip(d) cuts d to -K ... K, K the clip
/// distance, so that a table of 2 K + 1 rows per axis serves maps of any size. The tables are
/// shared by the heads, which split the channels of q, k and v among them. There is no relative
/// term in the values. Shaw, Uszkoreit, Vaswani, NAACL 2018 (arXiv 1803.02155) for the clipped
/// tables; Bello et al., ICCV 2019 (arXiv 1904.09925) for two dimensions. Keys: query.*, key.*,
/// value.*, relative_height, relative_width, in 3-D relative_depth.
///
/// The tables start at 0 (the layer's and initialize()'s doing): with one head it then gives what
/// SelfAttention with the same weights gives, bit for bit. The divisor is a choice that makes it
/// so. Memory: as SelfAttention, and heads N H W (H + W) numbers for the relative logits, in 3-D
/// heads N D H W (D H + W).
class RelativeSelfAttention : public Attention {
 public:
  /// Throws std::invalid_argument unless `heads` divides C and C / 8 and the clip distance is at
  /// least 1.
  explicit RelativeSelfAttention(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& features) override;

 private:
  /// Logits that `input` gets by its queries' places in maps like `features`.
  void add_relative_logits(const torch::Tensor& features, Attended& input) const;

  AttentionOptions options_;
  torch::nn::AnyModule query_, key_, value_;
  torch::Tensor relative_height_, relative_width_, relative_depth_;  // [2 K + 1, C / 8 / heads]
};

}  // namespace medsweep::models
