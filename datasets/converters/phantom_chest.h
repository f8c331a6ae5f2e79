#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>

#include "base/random.h"
#include "datasets/converters/phantom_canvas.h"

namespace medsweep::datasets {

/// One lung in units of the image's side; `across` grows from the body's middle outwards.
struct PhantomLung {
  double top, bottom, width, inner, heart, dome;
  std::array<double, 2> wave_amplitude, wave_phase;
};

/// A frontal chest X-ray's anatomy. *Left is the patient's left*: the right side of the image.
struct PhantomChest {
  double middle, tilt, shoulder, rib_gap, rib_slope, heart_row, heart_column, heart_radius;
  double darkness;  ///< of air in the lungs
  PhantomLung left, right;
};

PhantomChest make_chest(RandomStream stream);

/// 0 outside the lungs, 1 in the left, 2 in the right lung. y and x in [0, 1).
std::uint8_t lung_at(const PhantomChest& chest, double y, double x);

/// [H, W] uint8 of lung_at.
torch::Tensor chest_labels(const PhantomChest& chest, std::int64_t size);

/// Grey levels of 0 to 255 before noise: body, spine, heart, belly, clavicles, ribs, vessels of the
/// lungs; blurred.
Canvas chest_canvas(const PhantomChest& chest, std::int64_t size, RandomStream texture);

}  // namespace medsweep::datasets
