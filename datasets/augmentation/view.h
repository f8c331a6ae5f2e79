#pragma once

#include <torch/types.h>

#include <functional>
#include <string>

#include "base/random.h"
#include "datasets/batch.h"

namespace medsweep::datasets {

/// An image and its labels on the way to the network, between normalisation and the batch.
struct View {
  torch::Tensor image;   ///< [C, H, W] float32, contiguous
  torch::Tensor labels;  ///< [H, W] int16, contiguous: 0 background, 1..., kIgnored
};

/// Which mirrorings a flip may draw.
enum class FlipAxes { kBoth, kHorizontal, kVertical };
FlipAxes flip_axes(const std::string& name);  ///< "both", "horizontal" or "vertical", else throws

/// What the rows of the table may be told; each reads what it names.
struct AugmentationOptions {
  double probability = 0.5;  ///< of each change, drawn by itself
  double degrees = 45;       ///< rotation: uniform in [-degrees, degrees]
  FlipAxes axes = FlipAxes::kBoth;
  double brightness = 0.3;  ///< added: uniform in +-brightness, in deviations of the image
  double contrast = 0.3;    ///< factor about the mean: uniform in [1 - contrast, 1 + contrast]
  double sigma = 0.1;       ///< noise, in deviations of the image
};

/// A random change of a view, its options fixed. The same stream draws the same change; any thread
/// may call it. Sizes and channels stay. Intensity changes are relative to the view's own mean and
/// deviation, so that they mean the same for every normalisation and modality.
struct Augmentation {
  std::function<void(View& view, RandomStream& stream)> apply;
  double degrees = 0;  ///< the largest rotation: a patch is cut with that much context
};

/// The mean and deviation over all channels and pixels, in a fixed order of summation.
struct Moments {
  double mean = 0, deviation = 0;
};
Moments moments(const torch::Tensor& image);

/// Throws std::invalid_argument for what no row allows: a probability outside [0, 1], degrees
/// outside [0, 180], a negative brightness or sigma, a contrast outside [0, 1].
void check(const AugmentationOptions& options);

}  // namespace medsweep::datasets
