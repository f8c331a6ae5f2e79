#pragma once

#include <utility>

#include "models/layers/convolution3d.h"
#include "models/layers/dropout.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/dense_unet.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// A 2-D DenseUNet-167 that sees each slice with its two neighbours, and a 3-D DenseUNet-65 that
/// sees the volume with what the first says of it; their features are added and classified.
/// Li et al.: H-DenseUNet, IEEE TMI 2018 (arXiv 1709.07330). The 2-D part has the paper's summed
/// skips. Slices beyond the volume's ends are its first and last. The authors multiply the first
/// part's scores by 250, of the order of their unnormalised voxels; here voxels are normalised, and
/// scores are as they are.
///
/// Trained end to end, or in the paper's stages, each of which starts from the trial before it
/// (`weights`): HybridStage. Height and width are at least 32, the depth at least 8.
///
/// Keys: planar.*, planar_head, spatial.*, fusion, fusion_norm, head; attention.* (of the 3-D
/// part).
class HDenseUNet : public SegmentationNetwork {
 public:
  explicit HDenseUNet(const NetworkOptions& options);
  torch::Tensor forward(const torch::Tensor& volumes) override;
  std::int64_t size_multiple() const override { return shape(options_).size_multiple; }
  std::int64_t smallest_side() const override { return shape(options_).smallest_plane; }
  static NetworkShape shape(const NetworkOptions& options);

 private:
  void set_stage();
  /// Features and scores of all slices, [N, C, D, H, W].
  std::pair<torch::Tensor, torch::Tensor> planar(const torch::Tensor& volumes);

  NetworkOptions options_;
  DenseUNet planar_{nullptr}, spatial_{nullptr};
  torch::nn::Conv2d planar_head_{nullptr};
  Convolution3d fusion_{nullptr}, head_{nullptr};
  BatchNorm2d fusion_norm_{nullptr};
  Dropout dropout_{nullptr};
  AttentionSlots attention_{nullptr};
};

}  // namespace medsweep::models
