#pragma once

#include <torch/nn.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/layers/batch_norm.h"

namespace medsweep::models {

struct OrderedConvolution3dOptions {
  std::int64_t in_channels;
  std::int64_t out_channels;
  std::string order{};           ///< none given: "cpi"
  std::int64_t kernel_size = 3;  ///< with stride 1 odd: the volume's size is kept
  std::int64_t stride = 1;       ///< other ones: no padding
  BatchStatistics statistics = BatchStatistics::kSynchronized;  ///< of b
};

/// Throws std::invalid_argument unless `order` is empty, or has one c and otherwise the letters
/// below.
void check_layer_order(std::string_view order);

/// A 3-D convolution and what stands around it, in the order of a string, as the attention zoo
/// writes it: c convolution; r ReLU, l leaky ReLU (0.1), e ELU, p PReLU with a slope a channel,
/// s swish, m Mish; g group normalisation (2 groups, or 1 of an odd number of channels), i instance
/// normalisation with scale and shift, b batch normalisation. The convolution has a bias unless g
/// or b is there.
///
/// [N, in, D, H, W] -> [N, out, D, H, W]. Keys: convolution.*, and by their place in the order
/// layer1.*, layer2.* ... of those with parameters.
class OrderedConvolution3dImpl : public torch::nn::Module {
 public:
  explicit OrderedConvolution3dImpl(const OrderedConvolution3dOptions& options);
  torch::Tensor forward(torch::Tensor features);

 private:
  struct Layer {
    char letter;
    torch::nn::AnyModule module;
  };
  /// Layers that are computed as one: a normalisation and rectifiers beside it, or one by itself.
  struct Step {
    std::size_t layer;
    std::optional<std::size_t> before{}, behind{};
  };
  void join_layers();
  Rectifier rectifier(const std::optional<std::size_t>& at) const;

  std::vector<Layer> layers_;
  std::vector<Step> steps_;
};
TORCH_MODULE(OrderedConvolution3d);

}  // namespace medsweep::models
