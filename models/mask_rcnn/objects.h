#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "datasets/batch.h"
#include "models/mask_rcnn/options.h"

namespace medsweep::models {

/// What one task wants to find in one image.
struct RcnnObjects {
  torch::Tensor boxes;   ///< [m, 4] float32, pixels of the network's input
  torch::Tensor labels;  ///< [m] int64: 1...classes
  torch::Tensor
      masks{};  ///< [m, H, W] uint8 at the image's own size; undefined without a mask head
  torch::Tensor mini_masks{};  ///< [m, h, w] uint8, 0...255 within the boxes: instead of `masks`
  torch::Tensor crowds;        ///< [k, 4] float32: neither to be found nor to be background
};

/// The objects of sample `index` for `task`, boxes still in pixels of the image.
/// Throws std::invalid_argument that names sample and object: no instances of the task; a box that
/// is not finite, has no area or leaves the image (by more than 0.001 pixels); a label outside
/// 1...classes; masks that are missing, empty or of another size than the image. Mini masks of any
/// size take the place of masks.
RcnnObjects objects_of(const datasets::Batch& batch, std::size_t index, const RcnnTask& task,
                       RcnnOutputs outputs);

/// What draws random numbers for a sample; the layer numbers of its streams.
enum class RcnnDraw : std::uint64_t { kImageSize = 0, kAnchors = 1, kRegions = 2 };

/// What a batch wants of one task's network.
struct RcnnTruth {
  std::vector<RcnnObjects> objects;              ///< N, boxes in pixels of the network's input
  std::vector<datasets::Extent> sizes;           ///< N, of the images within that input
  std::vector<RandomStream> anchors, regions{};  ///< N each: what the samplings draw from
};

/// The stream of sample `index`; tasks have their own. Throws std::invalid_argument for a batch
/// without random keys.
RandomStream stream_of(const datasets::Batch& batch, std::size_t index, RcnnDraw draw,
                       std::size_t task = 0);

/// The truth of task `task` of `options` for a batch whose images were brought to `sizes`.
RcnnTruth truth_of(const datasets::Batch& batch, const std::vector<datasets::Extent>& sizes,
                   const MaskRcnnOptions& options, std::size_t task);

}  // namespace medsweep::models
