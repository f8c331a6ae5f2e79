#include "models/backbones/densenet.h"

#include <fmt/format.h>

#include "models/backbones/backbone_layers.h"
#include "models/layers/normalization.h"

namespace medsweep::models {

DenseLayerImpl::DenseLayerImpl(std::int64_t in_channels, std::int64_t growth,
                               const BackboneOptions& options)
    : norm1_(backbone_normalization(in_channels, options)),
      norm2_(backbone_normalization(4 * growth, options)) {
  register_module("norm1", norm1_.ptr());
  conv1_ = register_module("conv1", torch::nn::Conv2d(backbone_kernel(in_channels, 4 * growth, 1)));
  register_module("norm2", norm2_.ptr());
  conv2_ = register_module("conv2", torch::nn::Conv2d(backbone_kernel(4 * growth, growth, 3)));
}

torch::Tensor DenseLayerImpl::forward(const torch::Tensor& features) {
  const torch::Tensor narrow = conv1_->forward(normalize_and_relu(norm1_, features));
  return conv2_->forward(normalize_and_relu(norm2_, narrow));
}

DenseNet::DenseNet(const DenseNetPlan& plan, const BackboneOptions& options)
    : Backbone(options, densenet_channels(plan)) {
  const auto features = register_module("features", std::make_shared<torch::nn::Module>());
  conv0_ = features->register_module(
      "conv0", torch::nn::Conv2d(backbone_kernel(options.in_channels, plan.stem, 7, 2)));
  norm0_ = backbone_normalization(plan.stem, options);
  features->register_module("norm0", norm0_.ptr());
  std::int64_t in = plan.stem;
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    Block& block = blocks_.emplace_back();
    const auto dense = features->register_module(fmt::format("denseblock{}", i + 1),
                                                 std::make_shared<torch::nn::Module>());
    for (std::int64_t layer = 0; layer < plan.layers[i]; ++layer)
      block.layers.push_back(
          dense->register_module(fmt::format("denselayer{}", layer + 1),
                                 DenseLayer(in + layer * plan.growth, plan.growth, options)));
    const std::int64_t out = level_channels()[i + 1];
    block.norm = backbone_normalization(out, options);
    in = out / 2;
    if (i + 1 == plan.layers.size()) {
      features->register_module("norm5", block.norm.ptr());
      continue;
    }
    const auto transition = features->register_module(fmt::format("transition{}", i + 1),
                                                      std::make_shared<torch::nn::Module>());
    transition->register_module("norm", block.norm.ptr());
    block.conv =
        transition->register_module("conv", torch::nn::Conv2d(backbone_kernel(out, in, 1)));
  }
  add_attention(options);
}

std::vector<torch::Tensor> DenseNet::run(const torch::Tensor& images, const AfterLevel& after) {
  std::vector<torch::Tensor> maps{after(1, normalize_and_relu(norm0_, conv0_->forward(images)))};
  torch::Tensor features = torch::max_pool2d(maps.back(), 3, 2, 1);
  for (Block& block : blocks_) {
    for (DenseLayer& layer : block.layers)
      features = torch::cat({features, layer->forward(features)}, 1);
    features = after(std::ssize(maps) + 1, normalize_and_relu(block.norm, features));
    maps.push_back(features);
    if (block.conv)
      features = torch::avg_pool2d(block.conv->forward(features), 2, 2, 0, /*ceil_mode=*/true);
  }
  return maps;
}

}  // namespace medsweep::models
