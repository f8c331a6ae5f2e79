#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "datasets/batch.h"

namespace medsweep::datasets {

/// A rectangle of an image; it may reach beyond its borders.
struct Window {
  std::int64_t top = 0, left = 0;
  Extent extent;
  bool operator==(const Window&) const = default;
};

/// Training on patches, `patch = [256, 256]`.
struct PatchOptions {
  Extent extent;                       ///< no pixels: whole images
  double foreground = 0.33;            ///< probability that a patch is laid around foreground
  std::int64_t patches_per_image = 1;  ///< draws an epoch
  bool enabled() const { return extent.height > 0 && extent.width > 0; }
};
/// Throws std::invalid_argument for a negative extent, a probability outside [0, 1], no patches.
void check(const PatchOptions& options);

/// A random patch of an image with these labels: with probability `foreground` centred (as far as
/// the borders allow) on a pixel of a class drawn uniformly among those present, else anywhere. As
/// in Isensee et al.: nnU-Net, Nature Methods 2021. Where the image is smaller than the patch, it
/// lies in the patch's middle. labels: [H, W] int16, foreground > 0.
Window draw_window(const torch::Tensor& labels, const PatchOptions& options, RandomStream& stream);

/// `window` enlarged on all sides so that after a rotation by up to `degrees` about its centre
/// every pixel of `window` comes from within; its sides grow by the factor `stretch` before, and by
/// `pixels` on each side after that.
Window with_context(const Window& window, double degrees, double stretch = 1, double pixels = 0);

/// What of the window lies in the image.
Window intersection(const Window& window, const Extent& image);

/// The window's part of [..., H, W]; `fill` beyond the image's borders.
torch::Tensor cut(const torch::Tensor& tensor, const Window& window, double fill);

/// Tiles of `patch` that cover the image, row by row, neighbours sharing at least `overlap` of the
/// patch's side (0 <= overlap < 1). Steps are even, the last tile is flush with the border; along
/// an axis where the image is smaller than the patch there is one tile, from 0, that reaches
/// beyond. Throws std::invalid_argument for extents without pixels or another overlap.
std::vector<Window> windows(const Extent& image, const Extent& patch, double overlap);

/// What a tile's pixels count: all alike, or more in the middle.
enum class TileWeight { kConstant, kGaussian };

/// [patch] float32, all positive, largest 1. Gaussian: deviation = side / 8, as nnU-Net's.
torch::Tensor tile_weights(const Extent& patch, TileWeight weight);

/// Puts predicted tiles together: the weighted mean where they overlap. Not for concurrent use.
class Mosaic {
 public:
  Mosaic(const Extent& image, const Extent& patch, TileWeight weight);
  /// probabilities: [K, patch] float32. Throws std::invalid_argument for another size.
  void add(const Window& window, const torch::Tensor& probabilities);
  /// [K, image] float32. Throws std::logic_error while a pixel is not covered.
  torch::Tensor result() const;

 private:
  Extent image_;
  torch::Tensor weights_, sum_, total_;
};

}  // namespace medsweep::datasets
