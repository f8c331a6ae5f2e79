#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "datasets/batch.h"
#include "models/mask_rcnn/mask_rcnn.h"
#include "models/mask_rcnn/train_layers.h"

namespace medsweep::models {

/// What training a MaskRcnn takes, told from one network and small images.
///
/// What a forward keeps for its backward is counted by the CPU allocator for one image, for a
/// larger one (features grow with the pixels, with attention on maps also with their square) and
/// for fewer sampled regions (heads grow with those), and carried on from there; likewise what is
/// there for a moment, of which the larger counts: that of a large image or that of many regions.
/// An image is taken at the size that the network brings it to, and with as many regions, and
/// as many positive ones, as are sampled at most: a network that finds little, or has little to
/// find, stays below. Within about 25 % of the measured peak where that many are sampled.
class RcnnTrainingMemory {
 public:
  /// Builds the network. Throws what MaskRcnn throws.
  explicit RcnnTrainingMemory(const MaskRcnnOptions& options);

  /// Trains these layers from now on (see set_train_layers).
  TrainableCounts train(std::string_view layers);
  /// An estimate of the bytes that one forward and backward on N = `samples` images of `size`
  /// needs beside parameters, gradients and optimizer.
  std::int64_t activation_bytes(std::int64_t samples, const datasets::Extent& size);

 private:
  /// What one image takes.
  struct Measured {
    double kept = 0, passing = 0;  ///< bytes: until the backward pass, for a moment
    double regions = 0;            ///< that were sampled
  };
  Measured measure(std::int64_t height, std::int64_t width, double share_of_regions);
  double pixels_of(const datasets::Extent& size) const;
  bool attends_to_maps() const;

  MaskRcnnOptions options_;
  std::shared_ptr<double> share_;  ///< of the regions and anchors that are sampled
  std::shared_ptr<MaskRcnn> model_;
};

}  // namespace medsweep::models
