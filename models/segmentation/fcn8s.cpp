#include "models/segmentation/fcn8s.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

#include "models/layers/dropout.h"

namespace medsweep::models {
namespace {

constexpr double kFcn8sDropout = 0.5;

/// [channels, channels, 2 factor, 2 factor]: each channel enlarged bilinearly by itself.
torch::Tensor bilinear_kernel(std::int64_t channels, std::int64_t factor) {
  const auto offsets =
      torch::arange(2 * factor, torch::kFloat) - (static_cast<double>(factor) - 0.5);
  const torch::Tensor line = 1 - offsets.abs() / factor;
  return torch::eye(channels).view({channels, channels, 1, 1}) * torch::outer(line, line);
}

}  // namespace

NetworkShape Fcn8s::shape(const NetworkOptions& options) {
  if (options.backbone != "vgg16" && options.backbone != "vgg16_bn")
    throw std::invalid_argument(
        fmt::format("[model.fcn8s] backbone '{}'; vgg16, vgg16_bn are allowed", options.backbone));
  NetworkShape shape = backbone_shape(options, 32);
  shape.size_multiple = 32;
  shape.skip[3] = shape.encoder[2];
  shape.skip[4] = shape.encoder[3];
  return shape;
}

Fcn8s::Fcn8s(const NetworkOptions& options) : options_(options), attention_(options) {
  const NetworkShape levels = shape(options);
  backbone_ =
      register_module("backbone", make_backbone(options.backbone, backbone_options(options, 32)));
  const auto add = [&](const char* key, std::int64_t in, std::int64_t out, std::int64_t kernel) {
    return register_module(
        key, torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel).padding(kernel / 2)));
  };
  const double dropout = options.dropout.value_or(kFcn8sDropout);
  std::int64_t in = levels.encoder.back(), number = 6;
  for (const std::int64_t kernel : {7, 1}) {
    const std::string key = fmt::format("fc{}", number);
    layers_->push_back(add(key.c_str(), in, options.width, kernel));
    layers_->push_back(torch::nn::ReLU());
    layers_->push_back(register_module(fmt::format("drop{}", number++), Dropout(dropout)));
    in = options.width;
  }
  score_fr_ = add("score_fr", in, options.out_channels, 1);
  score_pool4_ = add("score_pool4", levels.skip[4], options.out_channels, 1);
  score_pool3_ = add("score_pool3", levels.skip[3], options.out_channels, 1);
  upscore2_ = add_up("upscore2", 2);
  upscore_pool4_ = add_up("upscore_pool4", 2);
  upscore8_ = add_up("upscore8", 8);
  attention_->add_levels(levels);
  register_module("attention", attention_);
}

torch::nn::ConvTranspose2d Fcn8s::add_up(const char* key, std::int64_t factor) {
  const std::int64_t channels = options_.out_channels;
  return register_module(key, torch::nn::ConvTranspose2d(
                                  torch::nn::ConvTranspose2dOptions(channels, channels, 2 * factor)
                                      .stride(factor)
                                      .padding(factor / 2)
                                      .bias(false)));
}

void Fcn8s::initialize_own() {
  const torch::NoGradGuard no_grad;
  for (auto& up : {upscore2_, upscore_pool4_, upscore8_})
    up->weight.copy_(bilinear_kernel(up->weight.size(0), up->weight.size(2) / 2));
}

torch::Tensor Fcn8s::forward(const torch::Tensor& images) {
  check_images("model.fcn8s", images, options_.in_channels, size_multiple());
  const auto maps =
      backbone_->levels(images, [this](std::int64_t level, const torch::Tensor& features) {
        return attention_->after_encoder(level, features);
      });
  const torch::Tensor pool3 = attention_->on_skip(3, torch::max_pool2d(maps[1], 2));
  const torch::Tensor pool4 = attention_->on_skip(4, torch::max_pool2d(maps[2], 2));
  torch::Tensor scores = upscore2_->forward(score_fr_->forward(layers_->forward(maps.back())));
  scores = upscore_pool4_->forward(scores + score_pool4_->forward(pool4));
  return upscore8_->forward(scores + score_pool3_->forward(pool3));
}

}  // namespace medsweep::models
