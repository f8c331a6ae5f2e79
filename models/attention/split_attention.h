#pragma once

#include <torch/nn.h>

#include <string>

#include "models/layers/batch_norm.h"

namespace medsweep::models {

struct SplitAttentionOptions {
  std::int64_t in_channels, out_channels;
  std::int64_t radix = 2;               ///< splits of each group
  std::int64_t cardinality = 1;         ///< groups
  std::int64_t reduction = 4;           ///< in_channels radix / this, at least 32, within
  std::int64_t dimensions = 2;          ///< 2: [N, C, H, W], 3: [N, C, D, H, W]
  std::string normalization = "batch";  ///< a row of normalization_rows()
  BatchStatistics statistics = BatchStatistics::kSynchronized;
};

/// A convolution whose result is chosen, channel by channel, among `radix` of them:
///   u = relu(norm(conv(x))), radix * out_channels of 3x3 in cardinality * radix groups;
///   a = softmax over the radix of fc2(relu(norm(fc1(mean over positions of the sum of the u)))),
///   of one split its sigmoid;
///   y = sum over the radix of a u.
/// Zhang et al.: ResNeSt, 2020 (arXiv 2004.08955). [N, in, ...] -> [N, out, ...] of the same size.
///
/// The inner normalisation sees one value a sample and channel: "batch" needs two samples; in
/// place of "instance", which would leave nothing, "group" stands there.
/// Keys: conv.weight, bn0.*, fc1.*, bn1.*, fc2.*.
class SplitAttentionImpl : public torch::nn::Module {
 public:
  /// Throws std::invalid_argument for channels that the groups do not divide.
  explicit SplitAttentionImpl(const SplitAttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& input);

 private:
  torch::Tensor weights_of(const torch::Tensor& splits);  ///< [N, radix, out_channels]

  SplitAttentionOptions options_;
  torch::nn::AnyModule conv_, bn0_, fc1_, bn1_, fc2_;
};
TORCH_MODULE(SplitAttention);

}  // namespace medsweep::models
