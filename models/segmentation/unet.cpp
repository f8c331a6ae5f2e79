#include "models/segmentation/unet.h"

#include <fmt/format.h>

#include "models/layers/up_convolution.h"

namespace medsweep::models {

DoubleConvolutionImpl::DoubleConvolutionImpl(std::int64_t in_channels, std::int64_t out_channels,
                                             const NetworkOptions& options) {
  first_ = register_module(
      "first", ConvNormAct(ConvNormActOptions{in_channels, out_channels, 3, options.normalization,
                                              options.batch_statistics}));
  second_ = register_module(
      "second", ConvNormAct(ConvNormActOptions{out_channels, out_channels, 3, options.normalization,
                                               options.batch_statistics}));
}

torch::Tensor DoubleConvolutionImpl::forward(const torch::Tensor& input) {
  return second_->forward(first_->forward(input));
}

UNet::UNet(const NetworkOptions& options) : options_(options) {
  std::int64_t channels = options.in_channels;
  for (std::int64_t level = 0; level < options.depth; ++level) {
    const std::int64_t width = options.width << level;
    encoders_.push_back(register_module(fmt::format("encoder{}", level),
                                        DoubleConvolution(channels, width, options)));
    channels = width;
  }
  for (std::int64_t level = options.depth - 2; level >= 0; --level) {
    const std::int64_t width = options.width << level;
    ups_.push_back(
        register_module(fmt::format("up{}", level),
                        torch::nn::ConvTranspose2d(
                            torch::nn::ConvTranspose2dOptions(2 * width, width, 2).stride(2))));
    decoders_.push_back(register_module(fmt::format("decoder{}", level),
                                        DoubleConvolution(2 * width, width, options)));
  }
  head_ = register_module(
      "head", torch::nn::Conv2d(torch::nn::Conv2dOptions(options.width, options.out_channels, 1)));
}

torch::Tensor UNet::forward(const torch::Tensor& images) {
  check_images("model.unet", images, options_.in_channels, size_multiple());
  std::vector<torch::Tensor> skips;
  torch::Tensor features = encoders_[0]->forward(images);
  for (std::size_t level = 1; level < encoders_.size(); ++level) {
    skips.push_back(features);
    features = encoders_[level]->forward(torch::max_pool2d(features, 2));
  }
  for (std::size_t i = 0; i < decoders_.size(); ++i) {
    features = torch::cat({skips.back(), up_convolution(ups_[i], features)}, 1);
    skips.pop_back();
    features = decoders_[i]->forward(features);
  }
  return head_->forward(features);
}

}  // namespace medsweep::models
