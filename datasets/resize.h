#pragma once

#include <torch/types.h>

#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "datasets/batch.h"

namespace medsweep::datasets {

/// How an image gets the size that the network is given.
///
///   none     its own size
///   stretch  scaled to the target, whatever happens to the aspect
///   pad      aspect kept: shrunk where it does not fit, never enlarged, then centred; around it
///            zeros in the image and kIgnored in the labels
///   crop     neither shrunk nor enlarged: the middle of it, padded likewise where it is smaller;
///            what is cut off counts as predicted background
enum class ResizeMode { kNone, kStretch, kPad, kCrop };
std::vector<Row> resize_rows();
/// Throws std::invalid_argument for an unknown name.
ResizeMode resize_mode(std::string_view name);

/// Where an image lies in what the network is given, so that predictions find the way back.
struct Placement {
  Extent original;                 ///< the image's own size
  Extent target;                   ///< what the network is given
  Extent scaled;                   ///< the image's size within the target
  std::int64_t top = 0, left = 0;  ///< its place there; negative where it is cut
  bool operator==(const Placement&) const = default;
};

/// target is not read for kNone, the only mode for volumes. Throws std::invalid_argument for an
/// extent without pixels.
Placement place(ResizeMode mode, const Extent& image, const Extent& target);

/// [C, original] float32 -> [C, target]: the mean over areas where it shrinks, else bilinear (pixel
/// centres at half integers).
torch::Tensor resize_image(const torch::Tensor& image, const Placement& placement);
/// [original] int16 -> [target], nearest.
torch::Tensor resize_labels(const torch::Tensor& labels, const Placement& placement);
/// [K, target] float32 -> [K, original]: the padding is cut off, what was cut is 0, the rest scaled
/// back, bilinear (areas where that shrinks). Throws std::invalid_argument for another size than
/// target.
torch::Tensor restore(const torch::Tensor& probabilities, const Placement& placement);

}  // namespace medsweep::datasets
