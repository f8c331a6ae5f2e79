#include "models/segmentation/atrous_pyramid.h"

#include "models/layers/dropout.h"
#include "models/layers/normalization.h"
#include "models/segmentation/dilated_network.h"

namespace medsweep::models {

void push_convolution(torch::nn::Sequential& block, const torch::nn::Conv2dOptions& convolution,
                      const NetworkOptions& options) {
  torch::nn::Conv2dOptions layer = convolution;
  block->push_back(torch::nn::Conv2d(layer.bias(false)));
  block->push_back(
      make_normalization(options.normalization, {layer.out_channels(), options.batch_statistics}));
  block->push_back(torch::nn::ReLU(torch::nn::ReLUOptions(true)));
}

AtrousPyramidImpl::AtrousPyramidImpl(const AtrousPyramidOptions& pyramid,
                                     const NetworkOptions& options) {
  const auto views = register_module("convs", torch::nn::ModuleList());
  const auto add = [&](const torch::nn::Conv2dOptions& convolution, bool of_the_mean = false) {
    torch::nn::Sequential view;
    if (of_the_mean) view->push_back(torch::nn::AdaptiveAvgPool2d(1));
    push_convolution(view, convolution, options);
    convs_.push_back(view);
    views->push_back(view);
  };
  add(torch::nn::Conv2dOptions(pyramid.in_channels, kChannels, 1));
  for (const std::int64_t rate : pyramid.rates)
    add(torch::nn::Conv2dOptions(pyramid.in_channels, kChannels, 3).padding(rate).dilation(rate));
  add(torch::nn::Conv2dOptions(pyramid.in_channels, kChannels, 1), true);
  project_ = torch::nn::Sequential();
  push_convolution(project_, torch::nn::Conv2dOptions(std::ssize(convs_) * kChannels, kChannels, 1),
                   options);
  project_->push_back(Dropout(pyramid.dropout));
  register_module("project", project_);
}

torch::Tensor AtrousPyramidImpl::forward(const torch::Tensor& features) {
  std::vector<torch::Tensor> views;
  for (auto& view : convs_) views.push_back(bilinear_like(run_layers(view, features), features));
  return run_layers(project_, torch::cat(views, 1));
}

}  // namespace medsweep::models
