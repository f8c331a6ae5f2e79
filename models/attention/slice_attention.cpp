#include "models/attention/slice_attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "models/attention/feature_maps.h"

namespace medsweep::models {
namespace {

constexpr std::string_view name_of_order(SliceOrder order) {
  switch (order) {
    case SliceOrder::kChannelsFirst:
      return "cs";
    case SliceOrder::kSlicesFirst:
      return "sc";
    case SliceOrder::kKeySlices:
      break;
  }
  return "pam";
}

torch::nn::Conv1d grouped(std::int64_t groups, std::int64_t in, std::int64_t out) {
  return torch::nn::Conv1d(torch::nn::Conv1dOptions(groups * in, groups * out, 1).groups(groups));
}

// [C, N, in] -> [C, N, out] by the layer's matrix of each channel.
torch::Tensor by_group(const torch::nn::Conv1d& layer, const torch::Tensor& input) {
  const std::int64_t groups = input.size(0), in = input.size(2);
  const torch::Tensor weight = layer->weight.to(input.scalar_type()).view({groups, -1, in});
  return torch::baddbmm(layer->bias.to(input.scalar_type()).view({groups, 1, -1}), input,
                        weight.transpose(1, 2));
}

// Which slices weigh at least the mean in softmax(gate) over D: [N, C, D] of 0 and 1. The heaviest
// does whatever rounding says.
torch::Tensor key_slices(const torch::Tensor& gate) {
  const torch::Tensor weights = torch::softmax(gate.detach(), 2);
  return torch::logical_or(weights >= weights.mean(2, true), weights == weights.amax(2, true));
}

torch::Tensor times(const torch::Tensor& pooled, const torch::Tensor& gate) {
  return pooled.defined() ? pooled * gate : pooled;
}

}  // namespace

SliceLayersImpl::SliceLayersImpl(std::int64_t channels, std::int64_t slices,
                                 std::int64_t reduction) {
  const std::int64_t inner = std::max<std::int64_t>(1, slices / reduction);
  fc1_ = register_module("fc1", grouped(channels, slices, inner));
  fc2_ = register_module("fc2", grouped(channels, inner, slices));
}

torch::Tensor SliceLayersImpl::forward(const torch::Tensor& pooled) {
  return by_group(fc2_, by_group(fc1_, pooled.transpose(0, 1)).relu_()).transpose(0, 1);
}

SliceAttention::SliceAttention(const AttentionOptions& options, SliceOrder order)
    : options_(options), order_(order) {
  if (options.slices < 1 || options.slice_reduction < 1 || options.channel_reduction < 1)
    throw std::invalid_argument(fmt::format(
        "[attention.{}] built for {} slices, slice_reduction {}, channel_reduction {}; at least 1 "
        "is allowed (the slices are those of patch = [depth, height, width])",
        name_of_order(order), options.slices, options.slice_reduction, options.channel_reduction));
  slices_ = register_module("slices",
                            SliceLayers(options.channels, options.slices, options.slice_reduction));
  channels_ = register_module("channels", std::make_shared<torch::nn::Module>());
  const std::int64_t inner =
      std::max<std::int64_t>(1, options.channels / options.channel_reduction);
  fc1_ = channels_->register_module("fc1", torch::nn::Linear(options.channels, inner));
  fc2_ = channels_->register_module("fc2", torch::nn::Linear(inner, options.channels));
}

void SliceAttention::check_depth(const torch::Tensor& features) const {
  if (features.size(2) == options_.slices) return;
  const std::string patch =
      options_.patch_slices > 0
          ? fmt::format(" (patch = [{}, height, width])", options_.patch_slices)
          : std::string();
  throw std::invalid_argument(
      fmt::format("[attention.{}] {} slices; {}, which it was built for, are allowed{}",
                  name_of_order(order_), features.size(2), options_.slices, patch));
}

SliceAttention::Pooled SliceAttention::pool(const torch::Tensor& features) const {
  const auto wanted = [this](Pooling kind) {
    const auto one_of = [kind](Pooling pooling) {
      return pooling == kind || pooling == Pooling::kAverageAndMaximum;
    };
    return one_of(options_.slice_pooling) || one_of(options_.channel_pooling);
  };
  Pooled pooled;
  const auto type = arithmetic_type(features);
  if (wanted(Pooling::kAverage)) pooled.average = features.mean({3, 4}, false, type);
  if (wanted(Pooling::kMaximum)) pooled.maximum = features.amax({3, 4}).to(type);
  return pooled;
}

torch::Tensor SliceAttention::slice_weights(const Pooled& pooled) {
  torch::Tensor logits;
  if (options_.slice_pooling != Pooling::kMaximum) logits = slices_->forward(pooled.average);
  if (options_.slice_pooling != Pooling::kAverage) {
    const torch::Tensor more = slices_->forward(pooled.maximum);
    logits = logits.defined() ? logits + more : more;
  }
  return torch::sigmoid(logits);
}

torch::Tensor SliceAttention::channel_weights(const Pooled& pooled) {
  const auto layers = [this](const torch::Tensor& z) {
    const bool flows = options_.squeeze == SqueezeGradient::kFlows;
    return fc2_->forward(fc1_->forward(flows ? z : z.detach()).relu_());
  };
  torch::Tensor logits;
  if (options_.channel_pooling != Pooling::kMaximum) logits = layers(pooled.average);
  if (options_.channel_pooling != Pooling::kAverage) {
    const torch::Tensor more = layers(pooled.maximum);
    logits = logits.defined() ? logits + more : more;
  }
  return torch::sigmoid(logits).unsqueeze(2);
}

torch::Tensor SliceAttention::forward(const torch::Tensor& features) {
  check_features(name_of_order(order_), features, options_);
  check_depth(features);
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const Pooled pooled = pool(features);
  torch::Tensor gate;  // [N, C, D]: of slices and channels together
  // A gate is positive: it may be drawn out of a mean and out of a maximum.
  if (order_ == SliceOrder::kChannelsFirst) {
    const torch::Tensor by_channel =
        channel_weights({pooled.average.defined() ? pooled.average.mean(2) : torch::Tensor(),
                         pooled.maximum.defined() ? pooled.maximum.amax(2) : torch::Tensor()});
    gate = by_channel *
           slice_weights({times(pooled.average, by_channel), times(pooled.maximum, by_channel)});
  } else {
    const torch::Tensor by_slice = slice_weights(pooled);
    const torch::Tensor kept = order_ == SliceOrder::kKeySlices
                                   ? key_slices(by_slice)
                                   : torch::ones_like(by_slice, torch::kBool);
    Pooled of_kept;
    if (pooled.average.defined())
      of_kept.average = (pooled.average * by_slice * kept).sum(2) / kept.sum(2);
    if (pooled.maximum.defined())
      of_kept.maximum =
          (pooled.maximum * by_slice)
              .masked_fill(kept.logical_not(), -std::numeric_limits<double>::infinity())
              .amax(2);
    gate = by_slice * channel_weights(of_kept);
  }
  return features * gate.unsqueeze(3).unsqueeze(4).to(features.scalar_type());
}

}  // namespace medsweep::models
