#pragma once

#include <vector>

#include "models/layers/convolution3d.h"
#include "models/layers/ordered_convolution.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// Two ordered 3x3x3 convolutions: in -> middle -> out. [N, in, D, H, W] -> [N, out, D, H, W].
/// Keys: first.*, second.*.
class DoubleConvolution3dImpl : public torch::nn::Module {
 public:
  DoubleConvolution3dImpl(std::int64_t in_channels, std::int64_t middle, std::int64_t out_channels,
                          const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& volumes);

 private:
  OrderedConvolution3d first_{nullptr}, second_{nullptr};
};
TORCH_MODULE(DoubleConvolution3d);

/// A 3-D U-Net in the attention zoo's form: `widths` 16, 32, 64, 128, convolution - PReLU -
/// instance normalisation (`layer_order` "cpi"), encoders by way of half their channels (or of
/// their input's, where that is more), maximum pooling by 2, enlarging to the skip's size by
/// nearest neighbours, so that every size of at least 2^(levels - 1) a side and two voxels at the
/// deepest level will do. 1,022,788 parameters for 4 channels and 4 maps.
///
/// With widths 64, 128, 256, 512, "cbr" and transposed convolutions (`unet3d_original`) it is
/// Cicek et al.: 3D U-Net, MICCAI 2016 (arXiv 1606.06650), 19.07 M; the paper's 19,069,955 counts
/// biases of the convolutions instead of scale and shift of the normalisation. Sides must then be
/// multiples of 8.
///
/// Keys: encoder0...encoder3, up2...up0 (transposed only), decoder2...decoder0 (by level, 0 the
/// full size), head; attention.* where there is some.
class UNet3d : public SegmentationNetwork {
 public:
  /// Throws std::invalid_argument for a width below 1 or a bad order.
  explicit UNet3d(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& volumes) override;
  std::int64_t size_multiple() const override { return shape(options_).size_multiple; }
  std::int64_t smallest_side() const override { return shape(options_).smallest_side; }
  static NetworkShape shape(const NetworkOptions& options);

 private:
  torch::Tensor enlarge(std::size_t step, const torch::Tensor& features, const torch::Tensor& skip);

  NetworkOptions options_;
  std::vector<DoubleConvolution3d> encoders_, decoders_;  ///< by level; the decoders, deepest first
  std::vector<torch::nn::ConvTranspose3d> ups_;           ///< deepest first; none: nearest
  AttentionSlots attention_{nullptr};
  Convolution3d head_{nullptr};
};

}  // namespace medsweep::models
