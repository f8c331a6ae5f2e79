#include "models/layers/ordered_convolution.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "models/layers/convolution3d.h"

namespace medsweep::models {
namespace {

constexpr std::string_view kLetters = "crlepsmgib";
constexpr std::int64_t kGroups = 2;
constexpr double kLeak = 0.1;
constexpr std::string_view kRectifiers = "rlp";

bool has_any_of(std::string_view order, std::string_view letters) {
  return order.find_first_of(letters) != std::string_view::npos;
}

torch::nn::AnyModule make_normalization_3d(char letter, std::int64_t channels,
                                           BatchStatistics statistics) {
  using torch::nn::AnyModule;
  if (letter == 'g')
    return AnyModule(torch::nn::GroupNorm(
        torch::nn::GroupNormOptions(channels % kGroups == 0 ? kGroups : 1, channels)));
  if (letter == 'i')
    return AnyModule(
        torch::nn::InstanceNorm3d(torch::nn::InstanceNorm3dOptions(channels).affine(true)));
  return AnyModule(BatchNorm2d(BatchNorm2dOptions{channels, statistics}));
}

torch::nn::AnyModule make_layer(char letter, std::int64_t channels, BatchStatistics statistics) {
  using torch::nn::AnyModule;
  switch (letter) {
    case 'r':
      return AnyModule(torch::nn::ReLU());
    case 'l':
      return AnyModule(torch::nn::LeakyReLU(torch::nn::LeakyReLUOptions().negative_slope(kLeak)));
    case 'e':
      return AnyModule(torch::nn::ELU());
    case 'p':
      return AnyModule(torch::nn::PReLU(torch::nn::PReLUOptions().num_parameters(channels)));
    case 's':
      return AnyModule(torch::nn::SiLU());
    case 'm':
      return AnyModule(torch::nn::Mish());
    default:
      return make_normalization_3d(letter, channels, statistics);
  }
}

}  // namespace

void check_layer_order(std::string_view order) {
  if (order.empty()) return;
  if (std::ranges::count(order, 'c') != 1 ||
      order.find_first_not_of(kLetters) != std::string_view::npos)
    throw std::invalid_argument(fmt::format(
        "[order] '{}'; one c (convolution) and the letters r l e p s m g i b are allowed", order));
}

OrderedConvolution3dImpl::OrderedConvolution3dImpl(const OrderedConvolution3dOptions& options) {
  check_layer_order(options.order);
  const std::string order = options.order.empty() ? "cpi" : options.order;
  std::int64_t channels = options.in_channels;
  for (std::size_t at = 0; at < order.size(); ++at) {
    if (order[at] != 'c') {
      layers_.push_back({order[at], make_layer(order[at], channels, options.statistics)});
      register_module(fmt::format("layer{}", at), layers_.back().module.ptr());
      continue;
    }
    channels = options.out_channels;
    const Convolution3d convolution(
        torch::nn::Conv3dOptions(options.in_channels, channels, options.kernel_size)
            .stride(options.stride)
            .padding(options.stride == 1 ? options.kernel_size / 2 : 0)
            .bias(!has_any_of(order, "gb")));
    layers_.push_back({'c', torch::nn::AnyModule(convolution)});
    register_module("convolution", convolution.ptr());
  }
  join_layers();
}

// A rectifier is computed together with the instance normalisation behind it, or with the
// normalisation in front of it.
void OrderedConvolution3dImpl::join_layers() {
  const auto is = [this](std::size_t at, std::string_view letters) {
    return at < layers_.size() && letters.find(layers_[at].letter) != std::string_view::npos;
  };
  for (std::size_t at = 0; at < layers_.size(); ++at) {
    Step step{.layer = at};
    if (is(at, kRectifiers) && is(at + 1, "i")) step = {.layer = ++at, .before = at - 1};
    if (is(at, "ib") && is(at + 1, kRectifiers)) step.behind = ++at;
    steps_.push_back(step);
  }
}

Rectifier OrderedConvolution3dImpl::rectifier(const std::optional<std::size_t>& at) const {
  if (!at) return {};
  if (layers_[*at].letter == 'r') return relu();
  if (layers_[*at].letter == 'l') return {.slope = kLeak};
  return {.slopes = layers_[*at].module.ptr()->parameters().front()};
}

torch::Tensor OrderedConvolution3dImpl::forward(torch::Tensor features) {
  for (const Step& step : steps_) {
    torch::nn::AnyModule& layer = layers_[step.layer].module;
    if (auto* batch = layer.ptr()->as<BatchNorm2dImpl>())
      features = batch->forward_rectified(features, rectifier(step.behind));
    else if (const auto* instance = layer.ptr()->as<torch::nn::InstanceNorm3dImpl>())
      features = rectified_instance_norm(features, {.weight = instance->weight,
                                                    .bias = instance->bias,
                                                    .eps = instance->options.eps(),
                                                    .before = rectifier(step.before),
                                                    .behind = rectifier(step.behind)});
    else
      features = layer.forward(features);
  }
  return features;
}

}  // namespace medsweep::models
