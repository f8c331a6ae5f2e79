#include "models/attention/class_activation.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <stdexcept>

namespace medsweep::models {

ClassActivationImpl::ClassActivationImpl(std::int64_t channels, std::int64_t classes) {
  if (channels < 1 || classes < 1)
    throw std::invalid_argument(fmt::format(
        "[attention.cam] {} channels, {} classes; at least 1 is allowed", channels, classes));
  linear_ = register_module("linear", torch::nn::Linear(channels, classes));
}

ClassActivations ClassActivationImpl::forward(const torch::Tensor& features) {
  const torch::Tensor kernel = linear_->weight.to(torch::kFloat).unsqueeze(-1).unsqueeze(-1);
  const torch::Tensor maps = torch::conv2d(features.to(torch::kFloat), kernel);
  return {maps.mean({2, 3}) + linear_->bias, maps};
}

}  // namespace medsweep::models
