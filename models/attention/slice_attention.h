#pragma once

#include "models/attention/attention.h"

namespace medsweep::models {

/// A small network of its own for each of C channels: [N, C, D] -> [N, C, D] by
/// W2 relu(W1 x), W1: D -> D / reduction (at least 1), W2 back, with biases.
/// Keys: fc1.*, fc2.*, held as convolutions of C groups, [C D / reduction, D, 1] and back.
class SliceLayersImpl : public torch::nn::Module {
 public:
  SliceLayersImpl(std::int64_t channels, std::int64_t slices, std::int64_t reduction);
  torch::Tensor forward(const torch::Tensor& pooled);

 private:
  torch::nn::Conv1d fc1_{nullptr}, fc2_{nullptr};
};
TORCH_MODULE(SliceLayers);

/// In which order channels and slices are weighed.
enum class SliceOrder {
  kChannelsFirst,  ///< cs
  kSlicesFirst,    ///< sc
  kKeySlices,      ///< pam: as sc, but the channels' squeeze sees key slices only
};

/// Volumes whose slices and channels are weighed, [N, C, D, H, W]:
///   slices: y = sigmoid(SliceLayers(mean of x over H and W)), x * y;
///   channels: a = sigmoid(W2 relu(W1 z)), z the mean of x over D, H and W, x * a, W1:
///   C -> C / channel_reduction (at least 1), with biases.
/// Of `pam`, z is the mean over those slices of x * y whose weight in softmax(y) over D is at least
/// the mean weight, chosen for each sample and channel by itself.
/// The Attention-zoo's progressive attention (PANet) and its two ablations. There a batch of one
/// sample only, and z without a gradient: SqueezeGradient::kDetached.
///
/// Built for volumes of `slices`; other depths are refused, with that of the patch that would fit.
/// Keys: slices.fc1.*, slices.fc2.*, channels.fc1.*, channels.fc2.*.
///
/// What is pooled is known from x's means and maxima per slice: x is read once for them and once
/// for the product with both gates. They are computed in float32 in every precision.
class SliceAttention : public Attention {
 public:
  /// Throws std::invalid_argument for fewer than one slice or a reduction below 1.
  SliceAttention(const AttentionOptions& options, SliceOrder order);
  torch::Tensor forward(const torch::Tensor& features) override;

 private:
  struct Pooled {
    torch::Tensor average{}, maximum{};  ///< [N, C, D] or [N, C]; undefined where not wanted
  };
  void check_depth(const torch::Tensor& features) const;
  Pooled pool(const torch::Tensor& features) const;
  torch::Tensor slice_weights(const Pooled& pooled);    ///< of [N, C, D]: [N, C, D]
  torch::Tensor channel_weights(const Pooled& pooled);  ///< of [N, C]: [N, C, 1]

  AttentionOptions options_;
  SliceOrder order_;
  SliceLayers slices_{nullptr};
  std::shared_ptr<torch::nn::Module> channels_;
  torch::nn::Linear fc1_{nullptr}, fc2_{nullptr};  ///< of channels_
};

}  // namespace medsweep::models
