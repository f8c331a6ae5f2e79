#pragma once

#include <vector>

#include "models/layers/batch_norm.h"
#include "models/layers/convolution3d.h"
#include "models/layers/dropout.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// Eight 3x3x3 convolutions without padding, each with batch normalisation and ReLU: the volume
/// loses 8 voxels on each side. Keys: convolution0 ... convolution7, normalization0 ...
class DeepMedicPathwayImpl : public torch::nn::Module {
 public:
  DeepMedicPathwayImpl(std::int64_t in_channels, const NetworkOptions& options);
  torch::Tensor forward(torch::Tensor features);

 private:
  std::vector<Convolution3d> convolutions_;
  std::vector<BatchNorm2d> normalizations_;
};
TORCH_MODULE(DeepMedicPathway);

/// Two pathways side by side, one of which sees the volume at a third of the size, around the same
/// voxels. Kamnitsas et al.: Efficient multi-scale 3D CNN, Medical Image Analysis 2017
/// (arXiv 1603.05959). 662,215 parameters for 4 channels and 5 maps.
///
/// Trained in segments: of a patch only the voxels count whose whole context of 24 voxels lies in
/// it (margin()), so patch = [57, 57, 57] is the paper's segment of 25, with 9 x 9 x 9 voxels that
/// learn. Predicted as a whole or in patches, with zeros around what is given. Sides are multiples
/// of 3, a patch has at least 51. Attention has one place, "bottleneck": the joined pathways.
///
/// Keys: normal.*, reduced.*, fully1, fully1_norm, fully2, fully2_norm, head; attention.*.
class DeepMedic : public SegmentationNetwork {
 public:
  explicit DeepMedic(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& volumes) override;
  /// Of the voxels inside the margin.
  NetworkOutputs outputs(const torch::Tensor& volumes) override;
  std::int64_t margin() const override { return kMargin; }
  std::int64_t size_multiple() const override { return shape(options_).size_multiple; }
  std::int64_t smallest_side() const override { return shape(options_).smallest_side; }
  /// Throws std::invalid_argument for attention that is built for a patch's slices.
  static NetworkShape shape(const NetworkOptions& options);

 private:
  static constexpr std::int64_t kMargin = 24;
  /// Logits of all but the margin.
  torch::Tensor inner_logits(const torch::Tensor& volumes);

  NetworkOptions options_;
  DeepMedicPathway normal_{nullptr}, reduced_{nullptr};
  Convolution3d fully1_{nullptr}, fully2_{nullptr}, head_{nullptr};
  BatchNorm2d fully1_norm_{nullptr}, fully2_norm_{nullptr};
  Dropout dropout1_{nullptr}, dropout2_{nullptr};
  AttentionSlots attention_{nullptr};
};

}  // namespace medsweep::models
