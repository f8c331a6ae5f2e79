#include "datasets/converters/phantom_canvas.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

/// One axis of a canvas: `length` values `stride` apart, in `lines` lines.
struct CanvasAxis {
  std::int64_t length, stride;
};

std::vector<double> canvas_kernel(double sigma) {
  const auto radius = static_cast<std::int64_t>(std::ceil(3 * sigma));
  std::vector<double> kernel;
  double sum = 0;
  for (std::int64_t i = -radius; i <= radius; ++i) {
    const double t = static_cast<double>(i) / sigma;
    kernel.push_back(std::exp(-0.5 * t * t));
    sum += kernel.back();
  }
  for (double& weight : kernel) weight /= sum;
  return kernel;
}

void blur_canvas_axis(std::vector<double>& values, const CanvasAxis& axis, double sigma) {
  const std::vector<double> kernel = canvas_kernel(sigma);
  const std::int64_t radius = std::ssize(kernel) / 2;
  const auto all = static_cast<std::int64_t>(values.size());
  std::vector<double> line(static_cast<std::size_t>(axis.length));
  for (std::int64_t first = 0; first < all; ++first) {
    if (first / axis.stride % axis.length != 0) continue;  // not the beginning of a line
    for (std::int64_t i = 0; i < axis.length; ++i) {
      double sum = 0;
      for (std::int64_t k = -radius; k <= radius; ++k) {
        const std::int64_t from = std::clamp<std::int64_t>(i + k, 0, axis.length - 1);
        sum += kernel[static_cast<std::size_t>(k + radius)] *
               values[static_cast<std::size_t>(first + from * axis.stride)];
      }
      line[static_cast<std::size_t>(i)] = sum;
    }
    for (std::int64_t i = 0; i < axis.length; ++i)
      values[static_cast<std::size_t>(first + i * axis.stride)] = line[static_cast<std::size_t>(i)];
  }
}

/// Where a voxel lies between two lattice points, with a fade that has no kink at either.
struct LatticePlace {
  std::int64_t low;
  double weight;
};

std::vector<LatticePlace> lattice_places(std::int64_t length, std::int64_t cells) {
  std::vector<LatticePlace> places;
  for (std::int64_t i = 0; i < length; ++i) {
    const double at =
        (static_cast<double>(i) + 0.5) / static_cast<double>(length) * static_cast<double>(cells);
    const auto low = std::min(static_cast<std::int64_t>(at), cells - 1);
    const double t = at - static_cast<double>(low);
    places.push_back({low, t * t * (3 - 2 * t)});
  }
  return places;
}

}  // namespace

Canvas::Canvas(const Extent& size, double value)
    : extent(size),
      values(static_cast<std::size_t>(size.depth * size.height * size.width), value) {}

void blur(Canvas& canvas, const std::array<double, 3>& sigma) {
  const Extent& size = canvas.extent;
  const std::array<CanvasAxis, 3> axes{CanvasAxis{size.depth, size.height * size.width},
                                       CanvasAxis{size.height, size.width},
                                       CanvasAxis{size.width, 1}};
  for (std::size_t a = 0; a < 3; ++a)
    if (sigma[a] > 0) blur_canvas_axis(canvas.values, axes[a], sigma[a]);
}

Canvas smooth_noise(const Extent& extent, std::int64_t cells, RandomStream stream) {
  const std::int64_t deep = extent.depth == 1 ? 1 : cells, side = cells + 1;
  std::vector<double> lattice(static_cast<std::size_t>((deep + 1) * side * side));
  for (double& value : lattice) value = stream.normal();
  const auto z = lattice_places(extent.depth, deep);
  const auto y = lattice_places(extent.height, cells), x = lattice_places(extent.width, cells);
  const auto corner = [&](std::int64_t k, std::int64_t j, const LatticePlace& at) {
    const auto first = static_cast<std::size_t>((k * side + j) * side + at.low);
    return lattice[first] + at.weight * (lattice[first + 1] - lattice[first]);
  };
  const auto row = [&](std::int64_t k, const LatticePlace& b, const LatticePlace& c) {
    const double low = corner(k, b.low, c);
    return low + b.weight * (corner(k, b.low + 1, c) - low);
  };
  Canvas canvas(extent);
  std::size_t i = 0;
  for (const LatticePlace& a : z)
    for (const LatticePlace& b : y)
      for (const LatticePlace& c : x) {
        const double low = row(a.low, b, c);
        canvas.values[i++] = low + a.weight * (row(a.low + 1, b, c) - low);
      }
  return canvas;
}

void store_with_noise(const Canvas& canvas, double deviation, RandomStream stream,
                      torch::Tensor image) {
  auto* const pixels = image.mutable_data_ptr<std::uint8_t>();
  for (std::size_t i = 0; i < canvas.values.size(); ++i)
    pixels[i] = static_cast<std::uint8_t>(
        std::lround(std::clamp(canvas.values[i] + deviation * stream.normal(), 0.0, 255.0)));
}

RandomStream phantom_stream(const PhantomOptions& options, PhantomStream kind, std::int64_t patient,
                            std::uint64_t purpose) {
  return RandomStream{options.seed, static_cast<std::uint64_t>(RandomUse::kPhantom),
                      static_cast<std::uint64_t>(patient), static_cast<std::uint64_t>(kind),
                      purpose};
}

std::string phantom_patient(std::int64_t number) { return fmt::format("patient{:03}", number + 1); }

void check_phantom(const ConverterOptions& options, std::int64_t dimension) {
  const PhantomOptions& phantom = options.phantom;
  if (phantom.patients < 1 || phantom.slices < 0 || phantom.size < 32)
    throw std::invalid_argument(
        fmt::format("[phantom] {} patients, {} slices, size {}; at least 1, 1 and 32 are allowed",
                    phantom.patients, phantom.slices, phantom.size));
  if (options.dimension != 0 && dimension != 0 && options.dimension != dimension)
    throw std::invalid_argument(fmt::format("[phantom] dimension {}; {} have {}", options.dimension,
                                            phantom.kind, dimension));
}

std::vector<ConversionItem> phantom_items(
    const PhantomOptions& options,
    std::vector<RawSample> (*draw)(const PhantomOptions& options, std::int64_t patient)) {
  std::vector<ConversionItem> items;
  for (std::int64_t patient = 0; patient < options.patients; ++patient)
    items.push_back({.name = phantom_patient(patient),
                     .read = [options, draw, patient] { return draw(options, patient); }});
  return items;
}

}  // namespace medsweep::datasets
