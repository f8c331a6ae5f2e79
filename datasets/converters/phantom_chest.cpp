#include "datasets/converters/phantom_chest.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace medsweep::datasets {
namespace {

constexpr double kSoftTissue = 148, kSpine = 30, kHeart = 52, kBelly = 62, kBone = 24;

/// 1 well inside, 0 well outside of value = 0, over a border of `softness`.
double soft_step(double value, double softness) { return 1 / (1 + std::exp(value / softness)); }

double bump(double distance, double width) {
  return std::exp(-0.5 * distance * distance / (width * width));
}

/// Where the middle of the body is in this row: a patient stands a little askew.
double middle_at(const PhantomChest& chest, double y) {
  return chest.middle + chest.tilt * (y - 0.5);
}

/// Negative inside the lung, about in units of the side. `across` is positive on its side.
double lung_border(const PhantomLung& lung, double y, double across) {
  const double along = (y - lung.top) / (lung.bottom - lung.top);
  const double apex = 0.5 * lung.width;
  if (along <= 0) return std::hypot(lung.top - y, across - apex);
  const double rise = std::pow(std::sin(0.5 * std::numbers::pi * std::min(1.0, 1.25 * along)), 0.5);
  double wave = 0;
  for (std::size_t k = 0; k < lung.wave_amplitude.size(); ++k)
    wave += lung.wave_amplitude[k] *
            std::cos(static_cast<double>(k + 2) * std::numbers::pi * along + lung.wave_phase[k]);
  const double outer = apex + (lung.width - apex) * rise + wave;
  const double inner = lung.inner + (apex - lung.inner) * std::pow(1 - std::min(along, 1.0), 5) +
                       lung.heart * bump(along - 0.8, 0.2);
  const double floor = lung.bottom - lung.dome * bump(across - 0.45 * lung.width, 0.3 * lung.width);
  return std::max({across - outer, inner - across, y - floor});
}

double ribs_at(const PhantomChest& chest, double y, double across) {
  const double outwards = std::abs(across);
  double brightness = 0;
  for (int rib = 0; rib < 10; ++rib) {
    const double origin = 0.05 + rib * chest.rib_gap;
    const double back = origin + chest.rib_slope * outwards + 0.9 * outwards * outwards;
    const double front =
        origin + 0.22 - 0.35 * (outwards - 0.34) - 2.2 * std::pow(outwards - 0.34, 2);
    brightness += bump(y - back, 0.010) + (outwards > 0.12 ? 0.55 * bump(y - front, 0.011) : 0);
  }
  return brightness * soft_step(outwards - 0.40, 0.01);
}

/// All that absorbs, without what the lungs lack: grey levels.
double tissue_at(const PhantomChest& chest, double y, double x) {
  const double across = x - middle_at(chest, y), outwards = std::abs(across);
  const double flank = 0.41 + 0.06 * bump(y - 0.95, 0.3);
  const double shoulder = chest.shoulder + 0.55 * std::max(0.0, outwards - 0.10);
  const double trunk = soft_step(std::max(outwards - flank, 0.35 * (shoulder - y)), 0.008);
  const double neck = soft_step(outwards - 0.09, 0.01);
  const double arms = soft_step(0.24 - y + 0.55 * std::max(0.0, outwards - 0.3), 0.02) *
                      soft_step(y - 0.62, 0.08) * 0.6;
  const double body = std::max({trunk, neck, arms * soft_step(0.42 - outwards, 0.01)});
  const double heart = soft_step(
      std::hypot((y - chest.heart_row) / 1.15, across - chest.heart_column) - chest.heart_radius,
      0.008);
  const double aorta = bump(y - 0.36, 0.06) * soft_step(std::abs(across - 0.035) - 0.04, 0.008);
  const double belly = soft_step(0.86 - y - 0.35 * bump(outwards - 0.16, 0.09) * 0.2, 0.02);
  const double spine =
      soft_step(outwards - 0.036, 0.008) * (1 + 0.25 * std::cos(2 * std::numbers::pi * y / 0.062));
  const double clavicle = bump(y - chest.shoulder - 0.10 + 0.18 * (outwards - 0.05), 0.011) *
                          soft_step(outwards - 0.30, 0.02) * soft_step(0.03 - outwards, 0.01);
  return body * (kSoftTissue + kHeart * std::max(heart, 0.6 * aorta) + kBelly * belly +
                 kSpine * spine + 1.2 * kBone * clavicle + kBone * ribs_at(chest, y, across));
}

/// How much vessels fill of the lung: dense at the hilum, thin outside.
double hilum_at(const PhantomChest& chest, double y, double x) {
  const double outwards = std::abs(x - middle_at(chest, y));
  return 14 * bump(std::hypot(y - 0.48, outwards - 0.09), 0.075);
}

}  // namespace

PhantomChest make_chest(RandomStream stream) {
  PhantomChest chest{};
  chest.middle = stream.uniform(0.48, 0.52);
  chest.tilt = stream.uniform(-0.06, 0.06);
  chest.shoulder = stream.uniform(0.05, 0.10);
  chest.rib_gap = stream.uniform(0.072, 0.086);
  chest.rib_slope = stream.uniform(-0.25, -0.05);
  chest.heart_row = stream.uniform(0.64, 0.70);
  chest.heart_column = stream.uniform(0.035, 0.06);
  chest.heart_radius = stream.uniform(0.11, 0.145);
  chest.darkness = stream.uniform(88, 112);
  for (PhantomLung* lung : {&chest.left, &chest.right}) {
    const bool left = lung == &chest.left;
    lung->top = chest.shoulder + stream.uniform(0.08, 0.11);
    lung->bottom = stream.uniform(0.80, 0.88) - (left ? 0 : 0.02);  // the liver lifts the right
    lung->width = stream.uniform(0.325, 0.375);
    lung->inner = stream.uniform(0.045, 0.065);
    lung->heart =
        left ? chest.heart_column + chest.heart_radius - 0.06 : stream.uniform(0.015, 0.04);
    lung->dome = stream.uniform(0.05, 0.10);
    for (double& amplitude : lung->wave_amplitude) amplitude = stream.uniform(-0.008, 0.008);
    for (double& phase : lung->wave_phase) phase = stream.uniform(0, 2 * std::numbers::pi);
  }
  return chest;
}

std::uint8_t lung_at(const PhantomChest& chest, double y, double x) {
  const double across = x - middle_at(chest, y);
  if (lung_border(chest.left, y, across) < 0) return 1;
  return lung_border(chest.right, y, -across) < 0 ? 2 : 0;
}

torch::Tensor chest_labels(const PhantomChest& chest, std::int64_t size) {
  torch::Tensor labels = torch::empty({size, size}, torch::kUInt8);
  auto* const pixels = labels.mutable_data_ptr<std::uint8_t>();
  const auto side = static_cast<double>(size);
  for (std::int64_t i = 0; i < size * size; ++i)
    pixels[i] = lung_at(chest, (static_cast<double>(i / size) + 0.5) / side,
                        (static_cast<double>(i % size) + 0.5) / side);
  return labels;
}

Canvas chest_canvas(const PhantomChest& chest, std::int64_t size, RandomStream texture) {
  const Extent extent{size, size};
  const Canvas coarse = smooth_noise(extent, 4, texture), fine = smooth_noise(extent, 28, texture);
  Canvas canvas(extent);
  const auto side = static_cast<double>(size);
  for (std::int64_t i = 0; i < size; ++i)
    for (std::int64_t j = 0; j < size; ++j) {
      const double y = (static_cast<double>(i) + 0.5) / side;
      const double x = (static_cast<double>(j) + 0.5) / side;
      const double across = x - middle_at(chest, y);
      const double border =
          std::min(lung_border(chest.left, y, across), lung_border(chest.right, y, -across));
      const double air = soft_step(border, 0.004);
      const double vessels = hilum_at(chest, y, x) + 9 * fine.at(i, j);
      canvas.at(i, j) = tissue_at(chest, y, x) * (1 + 0.05 * coarse.at(i, j)) -
                        air * (chest.darkness - vessels) + 12;
    }
  const double sigma = 0.4 + 0.0015 * side;
  blur(canvas, {0, sigma, sigma});
  return canvas;
}

}  // namespace medsweep::datasets
