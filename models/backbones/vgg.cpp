#include "models/backbones/vgg.h"

#include <string>

#include "models/backbones/backbone_layers.h"

namespace medsweep::models {
namespace {

constexpr std::array<std::array<std::int64_t, 2>, 5> kVggGroups{
    {{2, 64}, {2, 128}, {3, 256}, {3, 512}, {3, 512}}};  // convolutions, channels

}  // namespace

Vgg::Vgg(VggKind kind, const BackboneOptions& options) : Backbone(options, kVggChannels) {
  const auto features = register_module("features", std::make_shared<torch::nn::Module>());
  std::int64_t in = options.in_channels, index = 0;
  for (const auto& [count, channels] : kVggGroups) {
    torch::nn::Sequential group;
    for (std::int64_t i = 0; i < count; ++i) {
      group->push_back(torch::nn::Conv2d(backbone_kernel(in, channels, 3).bias(true)));
      if (kind == VggKind::kNormalized) group->push_back(backbone_normalization(channels, options));
      group->push_back(torch::nn::ReLU());
      in = channels;
    }
    for (const auto& layer : *group)
      features->register_module(std::to_string(index++), layer.ptr());
    ++index;  // the maxima
    groups_.push_back(group);
  }
  add_attention(options);
}

std::vector<torch::Tensor> Vgg::run(const torch::Tensor& images, const AfterLevel& after) {
  const auto halved = [](const torch::Tensor& map) {
    return torch::max_pool2d(map, 2, 2, 0, 1, /*ceil_mode=*/true);
  };
  std::vector<torch::Tensor> maps;
  torch::Tensor features = groups_.front()->forward(images);
  for (std::size_t i = 1; i < groups_.size(); ++i) {
    features = after(std::ssize(maps) + 1, groups_[i]->forward(halved(features)));
    maps.push_back(features);
  }
  maps.push_back(after(std::ssize(maps) + 1, halved(features)));
  return maps;
}

}  // namespace medsweep::models
