#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "datasets/batch.h"
#include "datasets/converters/conversion.h"
#include "datasets/converters/converters.h"

namespace medsweep::datasets {

/// A plane or a volume of real numbers on the way to an image: [D, H, W], D = 1 in two dimensions.
struct Canvas {
  Extent extent;
  std::vector<double> values;

  explicit Canvas(const Extent& size, double value = 0);
  std::size_t position(std::int64_t z, std::int64_t y, std::int64_t x) const {
    return static_cast<std::size_t>((z * extent.height + y) * extent.width + x);
  }
  double& at(std::int64_t y, std::int64_t x) { return values[position(0, y, x)]; }
  double at(std::int64_t y, std::int64_t x) const { return values[position(0, y, x)]; }
};

/// Gaussian blur, sigma in voxels along [D, H, W]; 0 leaves an axis alone. Borders repeat.
void blur(Canvas& canvas, const std::array<double, 3>& sigma);

/// Smooth random values of mean 0 and deviation of about 0.6: normals on a lattice of `cells` along
/// height and width (and depth, where there is any), smoothly interpolated.
Canvas smooth_noise(const Extent& extent, std::int64_t cells, RandomStream stream);

/// Adds normal noise, rounds, clamps to [0, 255]. image: one plane [H, W] of uint8.
void store_with_noise(const Canvas& canvas, double deviation, RandomStream stream,
                      torch::Tensor image);

/// Which phantom draws: kinds share no random numbers. Hearts have keys of their own.
enum class PhantomStream : std::uint64_t { kVessels = 101, kLungs, kOpacities, kBlobs };

/// Random numbers of one patient for one purpose.
RandomStream phantom_stream(const PhantomOptions& options, PhantomStream kind, std::int64_t patient,
                            std::uint64_t purpose);

/// "patient001" for 0.
std::string phantom_patient(std::int64_t number);

/// Throws std::invalid_argument for fewer than 1 patient, fewer than 0 slices (0: the kind's own),
/// a size below 32, and another dimension than `dimension` (0: the kind's own).
void check_phantom(const ConverterOptions& options, std::int64_t dimension);

/// One item a patient. draw(options, patient) gives its samples.
std::vector<ConversionItem> phantom_items(
    const PhantomOptions& options,
    std::vector<RawSample> (*draw)(const PhantomOptions& options, std::int64_t patient));

}  // namespace medsweep::datasets
