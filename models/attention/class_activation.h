#pragma once

#include <torch/nn.h>

namespace medsweep::models {

/// What a network looks at to tell whether a class is there.
struct ClassActivations {
  torch::Tensor scores;  ///< [N, K] float32: logits of the presence of each class
  torch::Tensor maps;    ///< [N, K, H, W] float32: what each position adds; their mean and a bias
                         ///< make the score
};

/// Class activation maps: M_k(y, x) = sum over c of w_kc f_c(y, x), whose mean over the positions
/// and a bias are the logit of "the image has class k"; that logit is trained beside the label map.
/// Zhou et al.: Learning Deep Features for Discriminative Localization, CVPR 2016 (arXiv
/// 1512.04150), where f is the last convolution's; here it is what the last convolution takes.
///
/// Keys: linear.weight [K, C], linear.bias [K].
class ClassActivationImpl : public torch::nn::Module {
 public:
  /// Throws std::invalid_argument for less than one channel or class.
  ClassActivationImpl(std::int64_t channels, std::int64_t classes);
  /// features: [N, C, H, W].
  ClassActivations forward(const torch::Tensor& features);

 private:
  torch::nn::Linear linear_{nullptr};
};
TORCH_MODULE(ClassActivation);

}  // namespace medsweep::models
