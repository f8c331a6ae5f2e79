#pragma once

#include <torch/nn.h>

#include <vector>

namespace medsweep::models {

/// What the coordinates -1 and 1 of a sampling grid are: torch's align_corners.
enum class GridCorners {
  kEdges,    ///< the outer edges of the first and last pixel: align_corners = false (default)
  kCenters,  ///< their centres: align_corners = true
};

struct SpatialTransformerOptions {
  std::int64_t channels;        ///< of the images
  std::int64_t dimensions = 2;  ///< 2: [N, C, H, W], 3: [N, C, D, H, W]
  GridCorners corners = GridCorners::kEdges;
};

/// Images as a network sees them, and by what they were moved.
struct TransformedImages {
  torch::Tensor images;  ///< of the size of what came in
  torch::Tensor theta;  ///< [N, d, d + 1] float32: coordinates there -> coordinates in the original
};

/// Turns, scales and shifts each image by an affine map that a small network finds in it, before a
/// network sees it; what that network says is moved back.
///   theta = [I | 0] + tanh(W h + b) / 4, h = relu(fc(mean over 4^d parts of three convolutions)).
/// W and b start at 0 (initialize()'s doing, too): the map begins as the identity. No coefficient
/// moves by more than a quarter, so that theta always has an inverse. Sampling is linear, beyond
/// the border the border's value.
/// Jaderberg et al.: Spatial Transformer Networks, NeurIPS 2015 (arXiv 1506.02025), whose theta has
/// no bounds, and which moves nothing back since it names images, not pixels.
///
/// Keys: convolution0 ... convolution2 (3x3, stride 2, 8, 16, 32 channels), fc (to 32), matrix
/// [d (d + 1), 32], offset [d (d + 1)].
class SpatialTransformerImpl : public torch::nn::Module {
 public:
  explicit SpatialTransformerImpl(const SpatialTransformerOptions& options);
  TransformedImages forward(const torch::Tensor& images);

  /// Maps of what `theta` belongs to, [N, K, ...] of any size, moved back: the same shape and type.
  torch::Tensor restore(const torch::Tensor& maps, const torch::Tensor& theta) const;

 private:
  torch::Tensor theta_of(const torch::Tensor& images);
  torch::Tensor sampled(const torch::Tensor& maps, const torch::Tensor& theta) const;

  SpatialTransformerOptions options_;
  std::vector<torch::nn::AnyModule> convolutions_;
  torch::nn::Linear fc_{nullptr};
  torch::Tensor matrix_, offset_;
};
TORCH_MODULE(SpatialTransformer);

}  // namespace medsweep::models
