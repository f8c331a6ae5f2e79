#include "models/layers/normalization.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "models/layers/frozen_batch_norm.h"

namespace medsweep::models {
namespace {

using MakeNormalization = torch::nn::AnyModule (*)(const NormalizationOptions&);

torch::nn::AnyModule make_batch(const NormalizationOptions& options) {
  return torch::nn::AnyModule(BatchNorm2d(
      BatchNorm2dOptions{options.channels, options.statistics, options.eps, options.momentum}));
}

torch::nn::AnyModule make_frozen_batch(const NormalizationOptions& options) {
  return torch::nn::AnyModule(
      FrozenBatchNorm2d(FrozenBatchNorm2dOptions{options.channels, options.eps}));
}

torch::nn::AnyModule make_instance(const NormalizationOptions& options) {
  return torch::nn::AnyModule(torch::nn::InstanceNorm2d(
      torch::nn::InstanceNorm2dOptions(options.channels).affine(true).eps(options.eps)));
}

torch::nn::AnyModule make_group(const NormalizationOptions& options) {
  std::int64_t groups = std::min(options.groups, options.channels);
  while (options.channels % groups != 0) --groups;
  return torch::nn::AnyModule(
      torch::nn::GroupNorm(torch::nn::GroupNormOptions(groups, options.channels).eps(options.eps)));
}

torch::nn::AnyModule make_no_normalization(const NormalizationOptions&) {
  return torch::nn::AnyModule(torch::nn::Identity());
}

constexpr std::array kNormalizations{
    Entry<MakeNormalization>{"batch", "bn", "models/layers/batch_norm", make_batch,
                             "batch normalisation over the samples of all ranks"},
    Entry<MakeNormalization>{"frozen_batch", "frozen", "models/layers/frozen_batch_norm",
                             make_frozen_batch, "batch normalisation that is never trained"},
    Entry<MakeNormalization>{"instance", "in", "models/layers/normalization", make_instance,
                             "each channel of each sample by itself"},
    Entry<MakeNormalization>{"group", "gn", "models/layers/normalization", make_group,
                             "groups of channels of each sample"},
    Entry<MakeNormalization>{"none", "nonorm", "models/layers/normalization", make_no_normalization,
                             "no normalisation: the input itself"},
};
static_assert(names_are_unique(kNormalizations));

}  // namespace

torch::nn::AnyModule make_normalization(std::string_view name,
                                        const NormalizationOptions& options) {
  if (options.channels < 1 || options.groups < 1)
    throw std::invalid_argument(
        fmt::format("[normalization.{}] {} channels in {} groups; at least 1 is allowed", name,
                    options.channels, options.groups));
  return find("normalization", kNormalizations, name).make(options);
}

torch::Tensor normalize_and_relu(torch::nn::AnyModule& normalization, const torch::Tensor& maps) {
  const auto layer = normalization.ptr();
  if (auto* batch = layer->as<BatchNorm2dImpl>()) return batch->forward_rectified(maps, relu());
  if (const auto* instance = layer->as<torch::nn::InstanceNorm2dImpl>())
    return rectified_instance_norm(maps, {.weight = instance->weight,
                                          .bias = instance->bias,
                                          .eps = instance->options.eps(),
                                          .behind = relu()});
  // Without normalisation the maps are the caller's.
  if (layer->as<torch::nn::IdentityImpl>() != nullptr) return torch::relu(maps);
  return normalization.forward(maps).relu_();
}

torch::Tensor run_layers(torch::nn::Sequential& layers, const torch::Tensor& maps) {
  const auto is_normalization = [](const torch::nn::Module& layer) {
    return layer.as<BatchNorm2dImpl>() != nullptr ||
           layer.as<torch::nn::InstanceNorm2dImpl>() != nullptr;
  };
  torch::Tensor features = maps;
  for (auto layer = layers->begin(); layer != layers->end(); ++layer) {
    const auto next = std::next(layer);
    const bool joins = is_normalization(*layer->ptr()) && next != layers->end() &&
                       next->ptr()->as<torch::nn::ReLUImpl>() != nullptr;
    features = joins ? normalize_and_relu(*layer, features) : layer->forward(features);
    if (joins) layer = next;
  }
  return features;
}

std::vector<Row> normalization_rows() { return rows_of(kNormalizations); }

}  // namespace medsweep::models
