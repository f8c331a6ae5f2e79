#pragma once

#include <vector>

#include "models/layers/batch_norm.h"
#include "models/layers/convolution3d.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

struct ResidualExcitationOptions {
  std::int64_t in_channels;
  std::int64_t out_channels;
  std::int64_t reduction = 15;       ///< channels / reduction within the excitation; 0: none
  std::int64_t shortcut_kernel = 1;  ///< of a shortcut between different numbers of channels
  BatchStatistics statistics = BatchStatistics::kSynchronized;
};

/// A 3-D residual block with squeeze and excitation: leaky ReLU (0.01) of shortcut + excitation of
/// (convolution, batch normalisation, leaky ReLU, convolution, batch normalisation). The shortcut
/// is the input, or a convolution with normalisation where the channels differ. [N, in, D, H, W] ->
/// [N, out, D, H, W]. Keys: first, first_norm, second, second_norm, squeeze, excite, shortcut,
/// shortcut_norm.
class ResidualExcitation3dImpl : public torch::nn::Module {
 public:
  explicit ResidualExcitation3dImpl(const ResidualExcitationOptions& options);
  torch::Tensor forward(const torch::Tensor& volumes);

 private:
  Convolution3d first_{nullptr}, second_{nullptr}, shortcut_{nullptr};
  BatchNorm2d first_norm_{nullptr}, second_norm_{nullptr}, shortcut_norm_{nullptr};
  torch::nn::Linear squeeze_{nullptr}, excite_{nullptr};
};
TORCH_MODULE(ResidualExcitation3d);

/// A 3-D U-Net that is halved only once, for organs of a few voxels: 28, 30, 32 and 34 channels of
/// residual squeeze-and-excitation blocks at half the size. 734,417 parameters for one channel and
/// 10 maps. Zhu et al.: AnatomyNet, Medical Physics 2019 (arXiv 1808.05238). Sides are even.
///
/// Keys: stem, stem_norm, encoder1_1 ... encoder3_2, decoder2_1 ... decoder0_2, up, last, head;
/// attention.* where there is some (its level 0 is the stem, level 3 the bottleneck).
class AnatomyNet : public SegmentationNetwork {
 public:
  explicit AnatomyNet(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& volumes) override;
  std::int64_t size_multiple() const override { return shape(options_).size_multiple; }
  std::int64_t smallest_side() const override { return shape(options_).smallest_side; }
  static NetworkShape shape(const NetworkOptions& options);

 private:
  NetworkOptions options_;
  Convolution3d stem_{nullptr}, head_{nullptr};
  BatchNorm2d stem_norm_{nullptr};
  std::vector<ResidualExcitation3d> encoders_, decoders_;  ///< two a level; decoders deepest first
  torch::nn::ConvTranspose3d up_{nullptr};
  ResidualExcitation3d last_{nullptr};
  AttentionSlots attention_{nullptr};
};

}  // namespace medsweep::models
