#pragma once

#include <memory>

#include "models/attention/spatial_transformer.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// A network behind a spatial transformer: it sees each image turned, scaled and shifted, and its
/// logits are moved back onto the image as it was.
/// Keys: the network's own, and transformer.*.
class TransformedNetwork : public SegmentationNetwork {
 public:
  TransformedNetwork(std::shared_ptr<SegmentationNetwork> network,
                     const SpatialTransformerOptions& options);
  torch::Tensor forward(const torch::Tensor& images) override;
  std::int64_t size_multiple() const override { return network_->size_multiple(); }

 private:
  std::shared_ptr<SegmentationNetwork> network_;
  SpatialTransformer transformer_{nullptr};
};

}  // namespace medsweep::models
