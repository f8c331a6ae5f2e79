#pragma once

#include "models/attention/attention.h"

namespace medsweep::models {

/// x * sigmoid(W2 relu(W1 z)), where z at (d, h, w) is the mean of x over the slice d, plus that
/// over the plane h, plus that over the plane w: channels weighed at each position by what lies on
/// the planes through it. In two dimensions the means over row and column. W1: C -> C / reduction,
/// W2 back, 1x1 convolutions with biases.
/// Rickmann et al.: 'Project & Excite' Modules, MICCAI 2019 (arXiv 1906.04649).
/// ProjectionFlavor::kMeanPrelu is the Attention-zoo's: z divided by the number of axes, and PReLU.
///
/// Keys: squeeze.*, excite.*, prelu.weight. W1 is applied to the means before they are added, so
/// that z never stands whole.
class ProjectExcite : public Attention {
 public:
  explicit ProjectExcite(const AttentionOptions& options);
  torch::Tensor forward(const torch::Tensor& features) override;

 private:
  torch::Tensor squeezed(const torch::Tensor& features);  ///< W1 z: [N, C / reduction, ...]

  AttentionOptions options_;
  torch::nn::AnyModule squeeze_, excite_;
  torch::nn::PReLU prelu_{nullptr};  ///< of kMeanPrelu
};

}  // namespace medsweep::models
