#include "models/segmentation/transformed_network.h"

#include <utility>

namespace medsweep::models {

TransformedNetwork::TransformedNetwork(std::shared_ptr<SegmentationNetwork> network,
                                       const SpatialTransformerOptions& options)
    : network_(std::move(network)) {
  transformer_ = register_module("transformer", SpatialTransformer(options));
  for (const auto& child : network_->named_children()) register_module(child.key(), child.value());
}

torch::Tensor TransformedNetwork::forward(const torch::Tensor& images) {
  const TransformedImages seen = transformer_->forward(images);
  return transformer_->restore(network_->forward(seen.images), seen.theta);
}

}  // namespace medsweep::models
