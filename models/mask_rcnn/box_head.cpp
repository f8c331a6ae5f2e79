#include "models/mask_rcnn/box_head.h"

#include "models/layers/linear.h"

namespace medsweep::models {

BoxHeadImpl::BoxHeadImpl(const MaskRcnnOptions& options) {
  const std::int64_t channels = options.pyramid_channels, width = options.roi.representation;
  const std::int64_t inputs = channels * options.roi.box_size * options.roi.box_size;
  const auto place = options.attention.find("box_head");
  if (options.version == RcnnVersion::kV1) {
    first_ = register_module("fc6", torch::nn::Linear(inputs, width));
    second_ = register_module("fc7", torch::nn::Linear(width, width));
  } else {
    stack_ = std::make_unique<ConvolutionStack>(
        *this, ConvolutionStackOptions{.in_channels = channels,
                                       .channels = channels,
                                       .count = 4,
                                       .normalization = options.version,
                                       .statistics = options.backbone_options.batch_statistics});
    first_ = register_module("5", torch::nn::Linear(inputs, width));
  }
  if (place != options.attention.end())
    attention_ = register_module("attention", place->second.make(channels));
}

torch::Tensor BoxHeadImpl::forward(const torch::Tensor& regions) {
  torch::Tensor features = regions;
  if (attention_ != nullptr) features = attention_->forward(features);
  if (stack_ != nullptr) features = stack_->forward(features);
  features = linear(features.flatten(1), first_).relu_();
  return second_.is_empty() ? features : linear(features, second_).relu_();
}

std::optional<MemoryLayout> BoxHeadImpl::region_layout() const {
  if (attention_ != nullptr || stack_ != nullptr) return std::nullopt;
  return MemoryLayout::kContiguous;
}

BoxPredictorImpl::BoxPredictorImpl(std::int64_t channels, std::int64_t classes) {
  cls_score_ = register_module("cls_score", torch::nn::Linear(channels, 1 + classes));
  bbox_pred_ = register_module("bbox_pred", torch::nn::Linear(channels, 4 * (1 + classes)));
}

std::pair<torch::Tensor, torch::Tensor> BoxPredictorImpl::forward(const torch::Tensor& features) {
  return {cls_score_->forward(features).to(torch::kFloat),
          bbox_pred_->forward(features).to(torch::kFloat)};
}

}  // namespace medsweep::models
