#include "models/layers/conv_norm_act.h"

#include <fmt/format.h>

#include <stdexcept>

namespace medsweep::models {

ConvNormActImpl::ConvNormActImpl(const ConvNormActOptions& options) {
  if (options.kernel_size < 1 || options.kernel_size % 2 == 0)
    throw std::invalid_argument(
        fmt::format("[conv_norm_act] kernel size {}; odd ones are allowed", options.kernel_size));
  normalization_ =
      make_normalization(options.normalization, {options.out_channels, options.statistics});
  const bool has_bias = normalization_.ptr()->parameters().empty();
  convolution_ = register_module(
      "convolution",
      torch::nn::Conv2d(
          torch::nn::Conv2dOptions(options.in_channels, options.out_channels, options.kernel_size)
              .padding(options.kernel_size / 2)
              .bias(has_bias)));
  register_module("normalization", normalization_.ptr());
}

torch::Tensor ConvNormActImpl::forward(const torch::Tensor& input) {
  return normalize_and_relu(normalization_, convolution_->forward(input));
}

}  // namespace medsweep::models
