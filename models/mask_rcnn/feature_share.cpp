#include "models/mask_rcnn/feature_share.h"

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace medsweep::models {

FeatureExchangeImpl::FeatureExchangeImpl(FeatureShare share, std::int64_t channels,
                                         std::size_t levels)
    : share_(share) {
  if (share != FeatureShare::kConcat) return;
  for (std::size_t level = 0; level < levels; ++level) {
    const std::int64_t kernel = level < 2 ? 3 : 1;
    convolutions_.push_back(register_module(
        std::to_string(level),
        torch::nn::Conv2d(
            torch::nn::Conv2dOptions(2 * channels, channels, kernel).padding(kernel / 2))));
  }
}

torch::Tensor FeatureExchangeImpl::joined(const torch::Tensor& top, const torch::Tensor& bottom,
                                          std::size_t level) {
  if (share_ == FeatureShare::kConcat)
    return convolutions_.at(level)->forward(torch::cat({top, bottom}, 1));
  return (top + bottom) / 2;
}

FeatureExchangeImpl::Pyramids FeatureExchangeImpl::forward(const Pyramids& pyramids) {
  if (share_ == FeatureShare::kNone) return pyramids;
  if (pyramids.size() != 2 || pyramids[0].size() != pyramids[1].size())
    throw std::invalid_argument(fmt::format(
        "[feature_share] {} pyramids; 2 of the same levels are allowed", pyramids.size()));
  Pyramids shared(2);
  for (std::size_t level = 0; level < pyramids[0].size(); ++level) {
    const torch::Tensor &top = pyramids[0][level], &bottom = pyramids[1][level];
    if (top.sizes() != bottom.sizes())
      throw std::invalid_argument(
          fmt::format("[feature_share] maps of {} and {}; equal ones are allowed",
                      fmt::join(top.sizes(), "x"), fmt::join(bottom.sizes(), "x")));
    const torch::Tensor both = joined(top, bottom, level);
    shared[0].push_back(share_ == FeatureShare::kTopToBottom ? top : both);
    shared[1].push_back(both);
  }
  return shared;
}

}  // namespace medsweep::models
