#include "models/layers/frozen_batch_norm.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/layers/channel_affine.h"

namespace medsweep::models {
namespace {

// x * scale + shift with scale and shift constant.
struct ConstantAffine : torch::autograd::Function<ConstantAffine> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& scale, const torch::Tensor& shift) {
    context->save_for_backward({scale});
    return channel_affine(x, torch::zeros_like(scale), x, scale, shift);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const torch::Tensor scale = context->get_saved_variables()[0];
    const torch::Tensor& gradient = gradients[0];
    const torch::Tensor zero = torch::zeros_like(scale);
    return {channel_affine(gradient, zero, gradient, scale, zero), {}, {}};
  }
};

}  // namespace

FrozenBatchNorm2dImpl::FrozenBatchNorm2dImpl(const FrozenBatchNorm2dOptions& options) {
  if (options.channels < 1)
    throw std::invalid_argument(
        fmt::format("[frozen_batch_norm] {} channels; at least 1 is allowed", options.channels));
  set_eps(options.eps);
  weight_ = register_buffer("weight", torch::ones(options.channels));
  bias_ = register_buffer("bias", torch::zeros(options.channels));
  running_mean_ = register_buffer("running_mean", torch::zeros(options.channels));
  running_var_ = register_buffer("running_var", torch::ones(options.channels));
}

void FrozenBatchNorm2dImpl::set_eps(double eps) {
  if (!(eps >= 0))
    throw std::invalid_argument(
        fmt::format("[frozen_batch_norm] eps {}; 0 or more is allowed", eps));
  eps_ = eps;
}

torch::Tensor FrozenBatchNorm2dImpl::forward(const torch::Tensor& input) {
  const torch::Tensor scale = weight_ * (running_var_ + eps_).rsqrt();
  return ConstantAffine::apply(input, scale, bias_ - running_mean_ * scale);
}

}  // namespace medsweep::models
