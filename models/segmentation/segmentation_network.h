#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/segmentation/network_shape.h"

namespace medsweep::models {

/// A head that only helps to train: its losses count `weight` times beside those of the logits.
struct AuxiliaryHead {
  std::string name;
  double weight;
};

/// What a network gives while it is trained.
struct NetworkOutputs {
  torch::Tensor logits;                    ///< as of forward()
  std::vector<torch::Tensor> auxiliary{};  ///< logits of each of auxiliary_heads()
  torch::Tensor features{};  ///< [N, F, ...] of the logits' size: what the last convolution takes
};

/// Images to a logit per pixel and channel: [N, in, H, W] -> [N, out, H, W]; volumes [N, in, D, H,
/// W] likewise.
class SegmentationNetwork : public torch::nn::Module {
 public:
  /// Throws std::invalid_argument when a side is no multiple of size_multiple() or is too small.
  virtual torch::Tensor forward(const torch::Tensor& images) = 0;
  virtual std::int64_t size_multiple() const = 0;
  virtual std::int64_t smallest_side() const { return size_multiple(); }
  /// Pixels or voxels on each side of an input that the logits of outputs() leave out.
  virtual std::int64_t margin() const { return 0; }
  virtual std::vector<AuxiliaryHead> auxiliary_heads() const { return {}; }
  /// The logits, then those of each of auxiliary_heads(), [N, out, ...] of any smaller size.
  virtual std::vector<torch::Tensor> forward_all(const torch::Tensor& images) {
    return {forward(images)};
  }
  /// Sets the parameters that begin as something of their own, whatever `init` says.
  virtual void initialize_own() {}
  /// F of outputs().features; 0: there are none.
  virtual std::int64_t feature_channels() const { return 0; }
  /// forward_all() and what else losses look at; called instead of forward() in training.
  virtual NetworkOutputs outputs(const torch::Tensor& images) {
    const std::vector<torch::Tensor> all = forward_all(images);
    return {all.front(), {all.begin() + 1, all.end()}};
  }
};

/// Throws std::invalid_argument "[where] 3x250x250 ...; multiples of 16 are allowed" unless
/// `images` is [N, channels, H, W] with H and W multiples of `multiple`.
void check_images(std::string_view where, const torch::Tensor& images, std::int64_t channels,
                  std::int64_t multiple);

/// The same for volumes [N, channels, D, H, W] with sides as the shape allows: enough voxels at the
/// deepest level for its normalisations to have something to compare.
void check_volumes(std::string_view where, const torch::Tensor& volumes, std::int64_t channels,
                   const NetworkShape& shape);

}  // namespace medsweep::models
