#pragma once

#include "models/losses/losses.h"

namespace medsweep::models {

/// sum over pixels and foreground classes of p phi: p the probability of the class, phi the signed
/// Euclidean distance to the class's boundary in pixels (voxels, whatever their spacing), negative
/// within: what is invented counts the more the farther away it is. May be negative; it says little
/// of an empty class, so it stands beside a Dice or cross-entropy, with a small weight that the
/// paper lets grow (here it is fixed).
/// Kervadec et al.: Boundary loss for highly unbalanced segmentation, MIDL 2019
/// (arXiv 1812.07032).
/// Weight: counted pixels times classes. Part: "boundary".
class Boundary : public SegmentationLoss {
 public:
  Boundary(const LossOptions& options, const LossTask& task)
      : factor_(options.factor), task_(task) {}
  Losses operator()(const LossInput& input) const override;
  LossWeights weights(const torch::Tensor& labels) const override;

 private:
  double factor_;
  LossTask task_;
};

/// maps: [N, K, ...] float32, 1 within a class and 0 outside. Of each map the distance of a pixel
/// outside to the nearest within, and of one within minus (the distance to the nearest outside,
/// less 1). 0 throughout where a map is all inside or all outside. Contiguous.
torch::Tensor signed_distances(const torch::Tensor& maps);

}  // namespace medsweep::models
