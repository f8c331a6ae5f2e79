#pragma once

#include <vector>

#include "models/attention/attention_gate.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/unet.h"

namespace medsweep::models {

/// The usual U-Net with a gate on each skip but that of the full size (see AttentionGate), which
/// sees the decoder's features of the level below before they are enlarged. Oktay et al.: Attention
/// U-Net, 2018 (arXiv 1804.03999), with UNet's padded convolutions and transposed ones. Width 64,
/// depth 5: 32,417,476 parameters with 3 channels in and 1 out.
///
/// Keys as UNet's, and gate1...gate3 (by level); attention.* where there is some: on a skip it
/// stands behind the gate.
class AttentionUNet : public SegmentationNetwork {
 public:
  static NetworkShape shape(const NetworkOptions& options);
  /// Throws std::invalid_argument for a depth below 3, which has no skip to gate.
  explicit AttentionUNet(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& images) override;
  std::int64_t size_multiple() const override { return std::int64_t{1} << (options_.depth - 1); }

 private:
  void add_level(std::int64_t level);

  NetworkOptions options_;
  std::vector<DoubleConvolution> encoders_, decoders_;  ///< by level; the decoders, deepest first
  std::vector<torch::nn::ConvTranspose2d> ups_;         ///< deepest first
  std::vector<AttentionGate> gates_;                    ///< deepest first
  AttentionSlots attention_{nullptr};
  torch::nn::Conv2d head_{nullptr};
};

}  // namespace medsweep::models
