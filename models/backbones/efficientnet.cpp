#include "models/backbones/efficientnet.h"

#include <string>

#include "models/backbones/backbone_layers.h"

namespace medsweep::models {
namespace {

enum class MobileActivation { kSilu, kNone };

/// Convolution, normalisation and SiLU, as one layer of a Sequential.
class MobileConvolutionImpl : public torch::nn::SequentialImpl {
 public:
  MobileConvolutionImpl(const torch::nn::Conv2dOptions& convolution, const BackboneOptions& options,
                        MobileActivation activation = MobileActivation::kSilu) {
    push_back(torch::nn::Conv2d(convolution));
    push_back(backbone_normalization(convolution.out_channels(), options));
    if (activation == MobileActivation::kSilu) push_back(torch::nn::SiLU());
  }
  torch::Tensor forward(const torch::Tensor& x) { return SequentialImpl::forward(x); }
};
TORCH_MODULE(MobileConvolution);

/// x * sigmoid(fc2(silu(fc1(mean of x)))).
class MobileExcitationImpl : public torch::nn::Module {
 public:
  MobileExcitationImpl(std::int64_t channels, std::int64_t within) {
    fc1_ = register_module("fc1", torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, within, 1)));
    fc2_ = register_module("fc2", torch::nn::Conv2d(torch::nn::Conv2dOptions(within, channels, 1)));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    const torch::Tensor mean = torch::adaptive_avg_pool2d(x, {1, 1});
    return x * torch::sigmoid(fc2_->forward(torch::silu(fc1_->forward(mean))));
  }

 private:
  torch::nn::Conv2d fc1_{nullptr}, fc2_{nullptr};
};
TORCH_MODULE(MobileExcitation);

std::int64_t layers_of(const EfficientNetPlan& plan, const EfficientNetStage& stage) {
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(stage.layers) * plan.depth));
}

}  // namespace

InvertedResidualImpl::InvertedResidualImpl(const EfficientNetStage& stage, std::int64_t in_channels,
                                           const BackboneOptions& options)
    : adds_input_(stage.stride == 1 && in_channels == stage.channels) {
  const std::int64_t within = efficientnet_width({1, 1}, in_channels * stage.expansion);
  if (within != in_channels)
    block_->push_back(MobileConvolution(backbone_kernel(in_channels, within, 1), options));
  block_->push_back(MobileConvolution(
      backbone_kernel(within, within, stage.kernel, stage.stride).groups(within), options));
  block_->push_back(MobileExcitation(within, std::max<std::int64_t>(1, in_channels / 4)));
  block_->push_back(MobileConvolution(backbone_kernel(within, stage.channels, 1), options,
                                      MobileActivation::kNone));
  register_module("block", block_);
}

torch::Tensor InvertedResidualImpl::forward(const torch::Tensor& input) {
  const torch::Tensor result = block_->forward(input);
  return adds_input_ ? result + input : result;
}

EfficientNet::EfficientNet(const EfficientNetPlan& plan, const BackboneOptions& options)
    : Backbone(options, efficientnet_channels(plan)) {
  BackboneOptions own = options;
  own.eps = plan.eps;
  own.momentum = plan.momentum;
  const auto features = register_module("features", std::make_shared<torch::nn::Module>());
  std::int64_t in = efficientnet_width(plan, 32);
  const std::shared_ptr<torch::nn::SequentialImpl> stem =
      MobileConvolution(backbone_kernel(options.in_channels, in, 3, 2), own).ptr();
  stages_.emplace_back(stem);
  for (EfficientNetStage stage : kEfficientNetStages) {
    torch::nn::Sequential layers;
    stage.channels = efficientnet_width(plan, stage.channels);
    for (std::int64_t i = 0; i < layers_of(plan, stage); ++i) {
      layers->push_back(InvertedResidual(stage, in, own));
      in = stage.channels;
      stage.stride = 1;
    }
    stages_.push_back(layers);
  }
  for (std::size_t i = 0; i < stages_.size(); ++i)
    features->register_module(std::to_string(i), stages_[i]);
  add_attention(options);
}

std::vector<torch::Tensor> EfficientNet::run(const torch::Tensor& images, const AfterLevel& after) {
  std::vector<torch::Tensor> maps;
  torch::Tensor features = stages_.front()->forward(images);
  for (std::size_t i = 0; i < kEfficientNetStages.size(); ++i) {
    features = stages_[i + 1]->forward(features);
    if (i + 1 < kEfficientNetStages.size() && kEfficientNetStages[i + 1].stride == 1) continue;
    features = after(std::ssize(maps) + 1, features);
    maps.push_back(features);
  }
  return maps;
}

}  // namespace medsweep::models
