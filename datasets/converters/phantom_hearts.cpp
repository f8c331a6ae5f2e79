#include "datasets/converters/phantom_hearts.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/random.h"
#include "datasets/converters/phantom_canvas.h"

namespace medsweep::datasets {
namespace {

enum Tissue : std::uint8_t { kAir, kLung, kBody, kRight, kMuscle, kBlood };
constexpr std::array<double, 6> kBrightness{20, 70, 330, 620, 210, 690};
constexpr std::array<std::uint8_t, 6> kLabelOf{0, 0, 0, 1, 2, 3};
constexpr double kNoise = 28;

/// A closed curve around a centre: radius (1 + sum of a few cosines).
struct Outline {
  double row = 0, column = 0, radius = 0;
  std::array<double, 3> amplitude{}, phase{};

  /// Below 1 inside. `stretch` is the ratio of the vertical to the horizontal half axis.
  double at(double y, double x, double stretch = 1) const {
    const double dy = (y - row) / stretch, dx = x - column;
    const double angle = std::atan2(dy, dx);
    double limit = radius;
    for (std::size_t k = 0; k < amplitude.size(); ++k)
      limit += radius * amplitude[k] * std::cos(static_cast<double>(k + 2) * angle + phase[k]);
    return std::sqrt(dy * dy + dx * dx) / limit;
  }
};

/// A patient's anatomy in units of the image's side, and scanner.
struct Patient {
  bool dilated;
  double thickness, contraction, side_offset;
  Outline blood;
  std::array<double, 5> bias;
  std::vector<double> spacing;
};

Patient make_patient(const PhantomOptions& options, std::int64_t number) {
  RandomStream stream{options.seed, static_cast<std::uint64_t>(RandomUse::kPhantom),
                      static_cast<std::uint64_t>(number)};
  Patient patient{};
  patient.dilated = number % 2 == 1;
  patient.thickness = stream.uniform(0.038, 0.055) * (patient.dilated ? 0.85 : 1);
  patient.contraction = patient.dilated ? stream.uniform(0.84, 0.92) : stream.uniform(0.58, 0.70);
  patient.side_offset = stream.uniform(0.95, 1.15);
  patient.blood.row = stream.uniform(0.46, 0.54);
  patient.blood.column = stream.uniform(0.50, 0.58);
  patient.blood.radius = stream.uniform(0.085, 0.11) * (patient.dilated ? 1.3 : 1);
  for (std::size_t k = 0; k < 3; ++k) {
    patient.blood.amplitude[k] = stream.uniform(0, 0.05);
    patient.blood.phase[k] = stream.uniform(0, 2 * std::numbers::pi);
  }
  for (double& coefficient : patient.bias) coefficient = stream.uniform(-0.25, 0.25);
  // Fields of view between 180 and 230 mm: rounded, as scanners state it.
  const double pixel =
      std::round(stream.uniform(180, 230) / static_cast<double>(options.size) * 10000) / 10000;
  patient.spacing = {stream.chance(0.5) ? 10.0 : 8.0, pixel, pixel};
  return patient;
}

/// Scales of a slice: the heart tapers from base (0) to apex (1), the right ventricle earlier.
struct Taper {
  double left, right;
};

Taper taper_at(double depth) {
  return {std::sqrt(1 - 0.8 * depth * depth), std::max(0.0, 1 - 1.05 * depth * depth)};
}

class Anatomy {
 public:
  Anatomy(const Patient& patient, std::int64_t phase, double depth)
      : blood_(patient.blood), side_offset_(patient.side_offset) {
    const Taper taper = taper_at(depth);
    const double full = blood_.radius;
    const double shrink = phase == 0 ? 1 : patient.contraction;
    blood_.radius = full * taper.left * shrink;
    // The wall keeps its area: it thickens as the blood pool contracts.
    const double outer = full * taper.left + patient.thickness;
    const double wall_area = outer * outer - full * taper.left * full * taper.left;
    wall_ = blood_;
    wall_.radius = std::sqrt(blood_.radius * blood_.radius + wall_area);
    right_ = wall_;
    right_.column -= wall_.radius * side_offset_;
    right_.radius = 0.115 * taper.right * (phase == 0 ? 1 : 0.5 + 0.5 * shrink);
  }

  /// y and x in [0, 1): a point of the slice.
  Tissue at(double y, double x) const {
    if (blood_.at(y, x) < 1) return kBlood;
    if (wall_.at(y, x) < 1) return kMuscle;
    if (right_.radius > 0.02 && right_.at(y, x, 1.35) < 1) return kRight;
    const double chest = std::hypot((y - 0.5) / 0.44, (x - 0.5) / 0.49);
    if (chest > 1) return kAir;
    const double right_lung = std::hypot((y - 0.45) / 0.25, (x - 0.16) / 0.11);
    const double left_lung = std::hypot((y - 0.52) / 0.22, (x - 0.86) / 0.09);
    return right_lung < 1 || left_lung < 1 ? kLung : kBody;
  }

 private:
  Outline blood_, wall_, right_;
  double side_offset_;
};

double bias_at(const std::array<double, 5>& bias, double y, double x) {
  const double v = 2 * y - 1, u = 2 * x - 1;
  return std::exp(bias[0] * u + bias[1] * v + bias[2] * u * v + bias[3] * u * u + bias[4] * v * v);
}

/// A 3 x 3 binomial filter: partial volumes at the borders of tissues.
std::vector<double> blurred(const std::vector<double>& values, std::int64_t size) {
  std::vector<double> result(values.size());
  const auto clamp = [size](std::int64_t i) { return std::clamp<std::int64_t>(i, 0, size - 1); };
  for (std::int64_t y = 0; y < size; ++y)
    for (std::int64_t x = 0; x < size; ++x) {
      double sum = 0;
      for (std::int64_t dy = -1; dy <= 1; ++dy)
        for (std::int64_t dx = -1; dx <= 1; ++dx)
          sum += values[static_cast<std::size_t>(clamp(y + dy) * size + clamp(x + dx))] *
                 static_cast<double>((2 - std::abs(dy)) * (2 - std::abs(dx)));
      result[static_cast<std::size_t>(y * size + x)] = sum / 16;
    }
  return result;
}

/// The magnitude of a complex signal with normal noise in both parts, as scanners store it.
void add_rician_noise(const std::vector<double>& signal, RandomStream stream,
                      std::int16_t* pixels) {
  for (std::size_t i = 0; i < signal.size(); ++i) {
    const double real = signal[i] + kNoise * stream.normal();
    const double imaginary = kNoise * stream.normal();
    pixels[i] =
        static_cast<std::int16_t>(std::lround(std::sqrt(real * real + imaginary * imaginary)));
  }
}

constexpr std::int64_t kHeartSlices = 6;

std::int64_t heart_slices(const PhantomOptions& options) {
  return options.slices == 0 ? kHeartSlices : options.slices;
}

SampleId phantom_identity(const Patient& anatomy, std::int64_t patient, std::int64_t phase,
                          std::int64_t slice) {
  SampleId id;
  id.patient = phantom_patient(patient);
  id.case_name = fmt::format("{}_{}", id.patient, phase == 0 ? "ED" : "ES");
  id.name = fmt::format("{}/{}", id.case_name, slice);
  id.group = anatomy.dilated ? "DCM" : "NOR";
  id.source = "phantom";
  id.slice = slice;
  id.spacing = anatomy.spacing;
  return id;
}

}  // namespace

RawSample phantom_slice(const PhantomOptions& options, std::int64_t patient, std::int64_t phase,
                        std::int64_t slice) {
  check_phantom({.phantom = options}, 0);
  const Patient made = make_patient(options, patient);
  const std::int64_t slices = heart_slices(options);
  const double depth =
      slices == 1 ? 0.3 : static_cast<double>(slice) / static_cast<double>(slices - 1);
  const Anatomy anatomy(made, phase, depth);
  const std::int64_t size = options.size;
  RawSample sample;
  sample.image = torch::empty({1, size, size}, torch::kInt16);
  sample.labels = torch::empty({size, size}, torch::kUInt8);
  sample.id = phantom_identity(made, patient, phase, slice);
  auto* const labels = sample.labels.mutable_data_ptr<std::uint8_t>();
  std::vector<double> signal(static_cast<std::size_t>(size * size));
  const auto point = [size](std::int64_t i) {
    return (static_cast<double>(i) + 0.5) / static_cast<double>(size);
  };
  for (std::int64_t i = 0; i < size * size; ++i) {
    const double y = point(i / size), x = point(i % size);
    const Tissue tissue = anatomy.at(y, x);
    labels[i] = kLabelOf[tissue];
    signal[static_cast<std::size_t>(i)] = kBrightness[tissue] * bias_at(made.bias, y, x);
  }
  add_rician_noise(
      blurred(signal, size),
      RandomStream{options.seed, static_cast<std::uint64_t>(RandomUse::kPhantom),
                   static_cast<std::uint64_t>(patient), static_cast<std::uint64_t>(phase),
                   static_cast<std::uint64_t>(slice)},
      sample.image.mutable_data_ptr<std::int16_t>());
  return sample;
}

RawSample phantom_volume(const PhantomOptions& options, std::int64_t patient, std::int64_t phase) {
  std::vector<torch::Tensor> images, labels;
  RawSample volume;
  for (std::int64_t slice = 0; slice < heart_slices(options); ++slice) {
    const RawSample one = phantom_slice(options, patient, phase, slice);
    images.push_back(one.image);
    labels.push_back(one.labels);
    if (slice == 0) volume.id = one.id;
  }
  volume.image = torch::stack(images, 1);  // [1, D, H, W]
  volume.labels = torch::stack(labels);    // [D, H, W]
  volume.id.name = volume.id.case_name;
  return volume;
}

namespace {

std::vector<RawSample> draw_heart_slices(const PhantomOptions& options, std::int64_t patient) {
  std::vector<RawSample> samples;
  for (std::int64_t phase = 0; phase < 2; ++phase)
    for (std::int64_t slice = 0; slice < heart_slices(options); ++slice)
      samples.push_back(phantom_slice(options, patient, phase, slice));
  return samples;
}

std::vector<RawSample> draw_heart_volumes(const PhantomOptions& options, std::int64_t patient) {
  return {phantom_volume(options, patient, 0), phantom_volume(options, patient, 1)};
}

}  // namespace

ConversionPlan plan_hearts(const ConverterOptions& options) {
  check_phantom(options, 0);
  const bool volumes = options.dimension == 3;
  return {
      .header = {.name = "phantom",
                 .classes = {"rv", "myo", "lv"},
                 .channels = 1,
                 .dimension = volumes ? 3 : 2},
      .items = phantom_items(options.phantom, volumes ? draw_heart_volumes : draw_heart_slices)};
}

}  // namespace medsweep::datasets
