#pragma once

#include <torch/nn.h>

#include "models/losses/losses.h"

namespace medsweep::models {

/// Two linear layers with a ReLU between them, then unit length: [A, F] -> [A, D]. As 1x1
/// convolutions of the pixels that are asked for. Keys: first.*, second.*.
class ProjectionImpl : public torch::nn::Module {
 public:
  ProjectionImpl(std::int64_t features, std::int64_t dimension);
  torch::Tensor forward(const torch::Tensor& features);

 private:
  torch::nn::Linear first_{nullptr}, second_{nullptr};
};
TORCH_MODULE(Projection);

/// Pixel-wise supervised contrastive loss on a projection z of the decoder's features:
///   L_i = 1 / |P_i| sum over p in P_i of
///         -log(exp(z_i z_p / t) / (exp(z_i z_p / t) + sum over n in N_i of exp(z_i z_n / t)))
/// over anchors i, P_i the other anchors of its class, N_i those of other classes, the background
/// being a class. Khosla et al.: Supervised Contrastive Learning, NeurIPS 2020 (arXiv 2004.11362),
/// with hard anchors as Wang et al.: Exploring Cross-Image Pixel Contrast, ICCV 2021
/// (arXiv 2101.11939).
///
/// Anchors are drawn from each sample by its random key: of each of its classes up to `anchors`
/// pixels, the share `hard` of them among those that the logits get wrong, where there are as many.
/// Pairs are of one sample: neither ranks nor micro-batches change the sum. A sample of one class
/// has no anchors that count, nor has a class of one anchor.
/// Weight: anchors that count. Part: "contrastive".
class Contrastive : public SegmentationLoss {
 public:
  /// Throws std::invalid_argument for a network without features, a temperature that is not
  /// positive, fewer than 2 anchors, a share outside [0, 1] or a dimension below 1.
  Contrastive(const LossOptions& options, const LossTask& task);
  /// Throws std::logic_error unless there are features of the labels' size, and a key a sample.
  Losses operator()(const LossInput& input) const override;
  LossWeights weights(const torch::Tensor& labels) const override;
  std::shared_ptr<torch::nn::Module> module() const override { return projection_.ptr(); }
  bool takes_features() const override { return true; }

 private:
  torch::Tensor sample_loss(const torch::Tensor& features, const torch::Tensor& labels,
                            const torch::Tensor& wrong, std::uint64_t key) const;

  LossOptions options_;
  LossTask task_;
  mutable Projection projection_{nullptr};
};

}  // namespace medsweep::models
