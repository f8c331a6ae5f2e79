#include "models/segmentation/dilated_network.h"

#include "models/layers/dropout.h"
#include "models/layers/normalization.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kDilatedStride = 8;
constexpr double kFcnDropout = 0.1;

}  // namespace

BackboneOptions backbone_options(const NetworkOptions& options, std::int64_t output_stride) {
  BackboneOptions backbone;
  backbone.in_channels = options.in_channels;
  backbone.normalization = options.normalization;
  backbone.batch_statistics = options.batch_statistics;
  backbone.output_stride = output_stride;
  return backbone;
}

NetworkShape backbone_shape(const NetworkOptions& options, std::int64_t output_stride) {
  check_backbone(options.backbone, backbone_options(options, output_stride));
  NetworkShape shape;
  shape.least_samples = backbone_least_samples(options.backbone);
  shape.encoder = {0};
  for (const std::int64_t channels : backbone_channels(options.backbone))
    shape.encoder.push_back(channels);
  shape.skip.assign(shape.encoder.size() - 1, 0);
  shape.decoder = shape.skip;
  return shape;
}

torch::Tensor bilinear_like(const torch::Tensor& map, const torch::Tensor& like) {
  const auto sides = like.sizes().slice(2);
  return map.sizes().slice(2) == sides ? map : torch::upsample_bilinear2d(map, sides, false);
}

torch::nn::Sequential fcn_head(std::int64_t in_channels, const NetworkOptions& options,
                               double dropout) {
  const std::int64_t channels = in_channels / 4;
  torch::nn::Sequential head(
      torch::nn::Conv2d(torch::nn::Conv2dOptions(in_channels, channels, 3).padding(1).bias(false)));
  head->push_back(make_normalization(options.normalization, {channels, options.batch_statistics}));
  head->push_back(torch::nn::ReLU());
  head->push_back(Dropout(dropout));
  head->push_back(torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, options.out_channels, 1)));
  return head;
}

NetworkShape DilatedNetwork::shape(const NetworkOptions& options) {
  return backbone_shape(options, kDilatedStride);
}

DilatedNetwork::DilatedNetwork(const NetworkOptions& options, std::string_view backbone)
    : options_(options), attention_(options) {
  options_.backbone = backbone;
  backbone_ = register_module("backbone",
                              make_backbone(backbone, backbone_options(options, kDilatedStride)));
}

void DilatedNetwork::add_heads(const torch::nn::Sequential& classifier, double dropout) {
  classifier_ = register_module("classifier", classifier);
  if (options_.auxiliary > 0)
    aux_classifier_ = register_module("aux_classifier",
                                      fcn_head(backbone_->level_channels()[3], options_, dropout));
  attention_->add_levels(shape(options_));
  register_module("attention", attention_);
}

std::vector<torch::Tensor> DilatedNetwork::maps(const torch::Tensor& images) {
  return backbone_->levels(images, [this](std::int64_t level, const torch::Tensor& features) {
    return attention_->after_encoder(level, features);
  });
}

torch::Tensor DilatedNetwork::forward(const torch::Tensor& images) {
  return bilinear_like(run_layers(classifier_, maps(images).back()), images);
}

std::vector<torch::Tensor> DilatedNetwork::forward_all(const torch::Tensor& images) {
  const std::vector<torch::Tensor> features = maps(images);
  std::vector<torch::Tensor> logits{
      bilinear_like(run_layers(classifier_, features.back()), images)};
  if (options_.auxiliary > 0)
    logits.push_back(bilinear_like(run_layers(aux_classifier_, features[3]), images));
  return logits;
}

std::vector<AuxiliaryHead> DilatedNetwork::auxiliary_heads() const {
  if (options_.auxiliary > 0) return {{"aux", options_.auxiliary}};
  return {};
}

FcnResNet::FcnResNet(const NetworkOptions& options, std::string_view backbone)
    : DilatedNetwork(options, backbone) {
  const double dropout = options.dropout.value_or(kFcnDropout);
  add_heads(fcn_head(head_channels(), options, dropout), dropout);
}

}  // namespace medsweep::models
