#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/layers/batch_norm.h"

namespace medsweep::models {

struct DenseUNetOptions {
  std::int64_t dimensions;  ///< 2 or 3
  std::int64_t in_channels;
  std::int64_t growth;                 ///< channels that a layer of a block adds
  std::vector<std::int64_t> blocks;    ///< layers of each of the four blocks
  std::vector<std::int64_t> decoders;  ///< channels of the five enlargements, deepest first
  /// Whether the decoder adds the encoder's features of its size (H-DenseUNet's 2-D part).
  enum class Skips { kNone, kSummed } skips = Skips::kNone;
  BatchStatistics statistics = BatchStatistics::kSynchronized;
};

/// Called with each place of the network, "encoder0" ... "bottleneck", "decoder3" ... "decoder0",
/// and its features; gives what goes on in their stead.
using AtPlace = std::function<torch::Tensor(const std::string&, const torch::Tensor&)>;

/// BatchNorm - ReLU - 1x1 convolution to 4 growth channels - BatchNorm - ReLU - 3x3 convolution to
/// growth channels, joined to what came in. Keys: norm1, conv1, norm2, conv2.
class DenseUNetLayerImpl : public torch::nn::Module {
 public:
  DenseUNetLayerImpl(std::int64_t in_channels, const DenseUNetOptions& options);
  torch::Tensor forward(const torch::Tensor& features);

 private:
  BatchNorm2d norm1_{nullptr}, norm2_{nullptr};
  torch::nn::AnyModule conv1_, conv2_;
};
TORCH_MODULE(DenseUNetLayer);

/// DenseNet as the encoder of a U-Net, without the classifier: a 7x7 convolution of stride 2 to 96
/// channels, maximum pooling, four dense blocks with transitions that halve channels, height and
/// width between them; then five times nearest enlarging and a 3x3 convolution with BatchNorm and
/// ReLU. In three dimensions the first two and the last two halve and enlarge the depth, too.
/// Huang et al.: DenseNet, CVPR 2017 (arXiv 1608.06993); Li et al.: H-DenseUNet, IEEE TMI 2018
/// (arXiv 1709.07330), whose code scales twice behind each normalisation: once is as much.
///
/// [N, in, (D,) H, W] -> features [N, decoders.back(), (D,) H, W]; H and W at least 32.
/// Keys: stem, stem_norm, block0_layer0 ..., transition0_norm, transition0_conv ..., norm, line (of
/// the deepest skip), up0_conv, up0_norm ... up4_norm.
class DenseUNetImpl : public torch::nn::Module {
 public:
  explicit DenseUNetImpl(const DenseUNetOptions& options);
  torch::Tensor forward(const torch::Tensor& images, const AtPlace& at = {});

  /// Channels of the encoder's features at each of its places, the bottleneck's last.
  static std::vector<std::int64_t> encoder_widths(const DenseUNetOptions& options);

 private:
  torch::Tensor block(std::size_t index, torch::Tensor features);

  DenseUNetOptions options_;
  torch::nn::AnyModule stem_, line_;
  BatchNorm2d stem_norm_{nullptr}, norm_{nullptr};
  std::vector<std::vector<DenseUNetLayer>> blocks_;
  std::vector<BatchNorm2d> transition_norms_, up_norms_;
  std::vector<torch::nn::AnyModule> transitions_, ups_;
};
TORCH_MODULE(DenseUNet);

}  // namespace medsweep::models
