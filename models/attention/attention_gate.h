#pragma once

#include <torch/nn.h>

#include <string>

#include "models/layers/batch_norm.h"

namespace medsweep::models {

struct AttentionGateOptions {
  std::int64_t channels;                ///< of the skip, in and out
  std::int64_t gating_channels;         ///< of the coarser features
  std::int64_t inner_channels = 0;      ///< 0: half of `channels`, at least 1
  std::int64_t dimensions = 2;          ///< 2: [N, C, H, W], 3: [N, C, D, H, W]
  std::string normalization = "batch";  ///< at the end; a row of normalization_rows()
  BatchStatistics statistics = BatchStatistics::kSynchronized;
};

/// What an encoder hands to its decoder, weighed by what the decoder knows from the level below:
///   q = psi(relu(theta(x) + phi(g))), y = normalisation(output(x * up(sigmoid(q)))).
/// theta: a convolution with kernel and stride 2, C -> C', no bias; phi: 1x1, C_g -> C', brought to
/// the size of theta's map where it has another; psi: 1x1, C' -> 1; output: 1x1, C -> C. Both are
/// enlarged linearly, as by torch's upsampling with align_corners = false.
/// Oktay et al.: Attention U-Net, 2018 (arXiv 1804.03999), with the grid gate of its authors' code;
/// the Attention-zoo normalises by "instance".
///
/// [N, C, ...] and [N, C_g, ...], sides of x of at least 2 -> the shape and type of x.
/// Keys: theta.weight, phi.*, psi.*, output.*, normalization.*. With batch normalisation the
/// gradient of output.bias is zero by construction.
class AttentionGateImpl : public torch::nn::Module {
 public:
  /// Throws std::invalid_argument for fewer than one channel.
  explicit AttentionGateImpl(const AttentionGateOptions& options);

  /// Throws std::invalid_argument for other channels, or sides that do not fit.
  torch::Tensor forward(const torch::Tensor& skip, const torch::Tensor& gating);

 private:
  void check(const torch::Tensor& skip, const torch::Tensor& gating) const;

  AttentionGateOptions options_;
  torch::nn::AnyModule theta_, phi_, psi_, output_, normalization_;
};
TORCH_MODULE(AttentionGate);

}  // namespace medsweep::models
