#include "models/segmentation/vox_res_net.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include "models/layers/up_convolution.h"

namespace medsweep::models {
namespace {

constexpr std::size_t kLowerDepths = 3;
constexpr double kHeadWeight = 1.0 / 3;

Convolution3d voxel_convolution(std::int64_t in, std::int64_t out, std::int64_t stride = 1) {
  return Convolution3d(torch::nn::Conv3dOptions(in, out, 3).stride(stride).padding(1));
}

torch::nn::AnyModule enlarger(std::int64_t in, std::int64_t out, std::int64_t factor) {
  if (factor == 1) return torch::nn::AnyModule(voxel_convolution(in, out));
  return torch::nn::AnyModule(torch::nn::ConvTranspose3d(
      torch::nn::ConvTranspose3dOptions(in, out, factor).stride(factor)));
}

torch::Tensor enlarged(torch::nn::AnyModule& enlarger, const torch::Tensor& features) {
  if (enlarger.type_info() == typeid(torch::nn::ConvTranspose3dImpl))
    return up_convolution(enlarger.get<torch::nn::ConvTranspose3d>(), features);
  return enlarger.forward(features);
}

}  // namespace

VoxResImpl::VoxResImpl(std::int64_t channels, BatchStatistics statistics) {
  const BatchNorm2dOptions norm{channels, statistics};
  first_norm_ = register_module("first_norm", BatchNorm2d(norm));
  first_ = register_module("first", voxel_convolution(channels, channels));
  second_norm_ = register_module("second_norm", BatchNorm2d(norm));
  second_ = register_module("second", voxel_convolution(channels, channels));
}

torch::Tensor VoxResImpl::forward(const torch::Tensor& volumes) {
  const torch::Tensor within = first_->forward(first_norm_->forward_rectified(volumes, relu()));
  return volumes + second_->forward(second_norm_->forward_rectified(within, relu()));
}

VoxResNet::VoxResNet(const NetworkOptions& options) : options_(options), attention_(options, 3) {
  const std::int64_t width = options.width, low = 2 * width;
  const auto norm = [&](const std::string& name, std::int64_t channels) {
    return register_module(name,
                           BatchNorm2d(BatchNorm2dOptions{channels, options.batch_statistics}));
  };
  stem1_ = register_module("stem1", voxel_convolution(options.in_channels, width));
  stem_norm_ = norm("stem_norm", width);
  stem2_ = register_module("stem2", voxel_convolution(width, width));
  for (std::size_t depth = 1; depth <= kLowerDepths; ++depth) {
    const std::int64_t channels = depth == 1 ? width : low;
    down_norms_.push_back(norm(fmt::format("down_norm{}", depth), channels));
    downs_.push_back(
        register_module(fmt::format("down{}", depth), voxel_convolution(channels, low, 2)));
    for (int i = 1; i <= 2; ++i)
      blocks_.push_back(register_module(fmt::format("block{}_{}", depth, i),
                                        VoxRes(low, options.batch_statistics)));
  }
  for (std::size_t depth = 0; depth <= kLowerDepths; ++depth) {
    enlargers_.push_back(enlarger(depth == 0 ? width : low, width, std::int64_t{1} << depth));
    register_module(fmt::format("enlarge{}", depth), enlargers_.back().ptr());
    classifiers_.push_back(
        register_module(fmt::format("classify{}", depth),
                        Convolution3d(torch::nn::Conv3dOptions(width, options.out_channels, 1))));
  }
  attention_->add_levels(shape(options));
  register_module("attention", attention_);
}

NetworkShape VoxResNet::shape(const NetworkOptions& options) {
  const auto& weights = options.auxiliary_weights;
  if (!weights.empty() && (weights.size() != kLowerDepths + 1 || std::ranges::min(weights) < 0))
    throw std::invalid_argument(
        fmt::format("[model.voxresnet] auxiliary_weights = [{}]; four numbers of at least 0 are "
                    "allowed",
                    fmt::join(weights, ", ")));
  NetworkShape shape;
  shape.dimensions = 3;
  shape.size_multiple = shape.smallest_side = std::int64_t{1} << kLowerDepths;
  shape.largest_side = 2 * shape.smallest_side;
  shape.encoder.assign(kLowerDepths + 1, 2 * options.width);
  shape.encoder.front() = options.width;
  shape.skip.assign(kLowerDepths, 0);
  shape.decoder = shape.skip;
  return shape;
}

std::vector<AuxiliaryHead> VoxResNet::auxiliary_heads() const {
  std::vector<double> weights = options_.auxiliary_weights;
  if (weights.empty()) weights.assign(kLowerDepths + 1, kHeadWeight);
  std::vector<AuxiliaryHead> heads;
  for (std::size_t depth = 0; depth < weights.size(); ++depth)
    heads.push_back({fmt::format("depth{}", depth), weights[depth]});
  return heads;
}

std::vector<torch::Tensor> VoxResNet::taps(const torch::Tensor& volumes) {
  torch::Tensor features = stem_norm_->forward_rectified(stem1_->forward(volumes), relu());
  std::vector<torch::Tensor> taps{attention_->after_encoder(0, stem2_->forward(features))};
  for (std::size_t i = 0; i < downs_.size(); ++i) {
    features = downs_[i]->forward(down_norms_[i]->forward_rectified(taps.back(), relu()));
    features = blocks_[2 * i + 1]->forward(blocks_[2 * i]->forward(features));
    taps.push_back(attention_->after_encoder(std::ssize(taps), features));
  }
  return taps;
}

std::vector<torch::Tensor> VoxResNet::forward_all(const torch::Tensor& volumes) {
  check_volumes("model.voxresnet", volumes, options_.in_channels, shape(options_));
  std::vector<torch::Tensor> logits(1);
  const std::vector<torch::Tensor> features = taps(volumes);
  for (std::size_t depth = 0; depth < features.size(); ++depth) {
    logits.push_back(classifiers_[depth]->forward(enlarged(enlargers_[depth], features[depth])));
    logits.front() = depth == 0 ? logits.back() : logits.front() + logits.back();
  }
  return logits;
}

}  // namespace medsweep::models
