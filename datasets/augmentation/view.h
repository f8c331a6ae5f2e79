#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "base/random.h"
#include "datasets/batch.h"

namespace medsweep::datasets {

class Geometry;

/// An image and its labels on the way to the network, between normalisation and the batch. The
/// tensors are the view's own: augmentations write into them or put others in their place.
struct View {
  torch::Tensor image;    ///< [C, H, W] or [C, D, H, W] float32, contiguous
  torch::Tensor labels;   ///< [H, W] or [D, H, W] int16, contiguous: 0 background, 1..., kIgnored
  torch::Tensor boxes{};  ///< [n, 4] float32: x1, y1, x2, y2; undefined where there are none
  torch::Tensor masks{};  ///< [n, H, W] uint8, 0 or 1; undefined where only boxes are known
  std::array<double, 3> spacing{1, 1, 1};  ///< along D, H, W; only the ratios matter

  bool is_volume() const { return labels.dim() == 3; }
};

/// Which mirrorings a flip may draw: of columns, of rows, of slices (volumes only).
enum class FlipAxes { kBoth, kHorizontal, kVertical, kDepth, kAll };
/// "both" (horizontal and vertical), "horizontal", "vertical", "depth" or "all", else throws.
FlipAxes flip_axes(const std::string& name);

/// What comes from beyond the image: zeros that count in no loss, or the image mirrored.
enum class Border { kZero, kMirror };
Border border_of(const std::string& name);  ///< "zero" or "mirror", else throws

/// What the rows of the table may be told; each reads what it names.
struct AugmentationOptions {
  double probability = 0.5;  ///< of each change, drawn by itself
  double degrees = 45;       ///< rotation: uniform in [-degrees, degrees]
  double tilt = 10;          ///< of volumes about the two axes in the slice, likewise
  FlipAxes axes = FlipAxes::kBoth;
  Border border = Border::kZero;
  double scaling = 0.2;       ///< sides grow by a factor uniform in [1 - scaling, 1 + scaling]
  double shear = 15;          ///< in degrees, of rows and of columns: uniform in +-shear
  double magnitude = 8;       ///< elastic: deviation of the control points in pixels
  std::int64_t spacing = 64;  ///< elastic: pixels between control points
  double smallest = 0.5;      ///< crop: of a side, uniform in [smallest, 1]
  double foreground = 0.33;   ///< crop: probability that it is laid around foreground
  double margin = 0.1;        ///< mirror_pad: share of a side that mirrored pixels may fill
  double brightness = 0.3;    ///< added: uniform in +-brightness, in deviations of the image
  double contrast = 0.3;      ///< factor about the mean: uniform in [1 - contrast, 1 + contrast]
  double gamma = 0.5;         ///< exponent between 1 / (1 + gamma) and 1 + gamma
  double saturation = 0.5;    ///< factor of colours: uniform in [1 - saturation, 1 + saturation]
  double sharpness = 1;       ///< factor of detail: uniform in [1 - sharpness, 1 + sharpness]
  double blur = 2;            ///< Gaussian, deviation in pixels: uniform in [0, blur]
  double sigma = 0.1;         ///< noise, in deviations of the image
  double clip = 2;            ///< clahe: largest bin over the mean bin
  std::int64_t tiles = 8;     ///< clahe: along each side
  std::int64_t holes = 8;     ///< coarse_dropout
  double hole = 0.1;          ///< coarse_dropout: of each side
};

/// A random change of a view, its options fixed. The same stream draws the same change; any thread
/// may call it. Sizes and channels stay. Intensity changes are relative to the view's own range or
/// mean and deviation, so that they mean the same for every normalisation and modality.
struct Augmentation {
  std::function<void(View& view, RandomStream& stream)> apply;
  double degrees = 0;  ///< the largest rotation: a patch is cut with that much context
  double stretch = 1;  ///< and, before it, with sides longer by this factor
  double pixels = 0;   ///< and, after it, with so many pixels more on each side
  double tilt = 0;     ///< of volumes: the largest rotation about each of the axes in the slice
  /// Of a change of place alone: draws it onto a chain, so that several are applied at once.
  std::function<void(const View& view, Geometry& geometry, RandomStream& stream)> draw{};
};

/// The mean and deviation over all channels and pixels, in a fixed order of summation.
struct Moments {
  double mean = 0, deviation = 0;
};
Moments moments(const torch::Tensor& image);

/// The smallest and largest value over all channels and pixels.
struct Range {
  float low = 0, high = 0;
  float width() const { return high - low; }
};
Range range_of(const torch::Tensor& image);

/// Throws std::invalid_argument for what no row allows: a probability or share outside [0, 1],
/// degrees outside [0, 180], a negative strength ...; the text names the option and its range.
void check(const AugmentationOptions& options);

}  // namespace medsweep::datasets
