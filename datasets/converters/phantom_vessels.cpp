#include "datasets/converters/phantom_vessels.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "datasets/converters/phantom_canvas.h"
#include "datasets/converters/phantom_vessel_tree.h"

namespace medsweep::datasets {
namespace {

constexpr std::array<double, 3> kRetinaColor{198, 104, 48}, kDiscColor{252, 214, 150};
constexpr std::array<double, 3> kBloodTakes{0.30, 0.58, 0.42};  // of red, green, blue
constexpr double kRetinaRadius = 0.47, kRetinaNoise = 5;
enum RetinaStream : std::uint64_t { kTree, kFundus, kTexture, kSpots, kPixels };  // + channel

/// A retina on the way: where blood darkens it, and what two observers draw.
struct RetinaMaps {
  explicit RetinaMaps(const Extent& extent) : blood(extent), first(extent), second(extent) {}
  Canvas blood, first, second;
};

/// A disc of `radius` around a point, all in units of the side: value(distance) is kept where it is
/// larger than what is there.
template <typename Value>
void stamp(Canvas& canvas, double row, double column, double radius, const Value& value) {
  const auto size = static_cast<double>(canvas.extent.height);
  const auto clamp = [&](double i) {
    return std::clamp(static_cast<std::int64_t>(i), std::int64_t{0}, canvas.extent.height - 1);
  };
  const double reach = radius * size + 1;
  for (std::int64_t y = clamp(row * size - reach); y <= clamp(row * size + reach); ++y)
    for (std::int64_t x = clamp(column * size - reach); x <= clamp(column * size + reach); ++x) {
      const double distance = std::hypot(static_cast<double>(y) + 0.5 - row * size,
                                         static_cast<double>(x) + 0.5 - column * size);
      canvas.at(y, x) = std::max(canvas.at(y, x), value(distance));
    }
}

void draw_vessels(const std::vector<VesselPoint>& points, RetinaMaps& maps) {
  const auto size = static_cast<double>(maps.blood.extent.height);
  for (const VesselPoint& point : points) {
    const double radius = point.radius * size, second = point.second_radius * size;
    // Thinner than a pixel: it covers that part of it.
    const double most = point.darkness * std::min(1.0, 2 * radius);
    stamp(maps.blood, point.row, point.column, point.radius,
          [&](double distance) { return most * std::clamp(radius - distance + 0.5, 0.0, 1.0); });
    stamp(maps.first, point.row, point.column, point.radius,
          [&](double distance) { return distance <= std::max(radius, 0.6) ? 1.0 : 0.0; });
    if (second > 0)
      stamp(maps.second, point.row, point.column, point.second_radius,
            [&](double distance) { return distance <= std::max(second, 0.6) ? 1.0 : 0.0; });
  }
}

/// Bleedings darken, exudates brighten (negative blood); neither is a vessel.
void draw_spots(RandomStream stream, Canvas& blood, Canvas& exudates) {
  for (const bool bleeding : {true, false}) {
    const std::int64_t count = 5 + stream.below(9);
    for (std::int64_t i = 0; i < count; ++i) {
      const double row = stream.uniform(0.15, 0.85), column = stream.uniform(0.15, 0.85);
      const double radius = stream.uniform(0.004, bleeding ? 0.016 : 0.009);
      const double strength = stream.uniform(0.5, 1);
      const double pixels = radius * static_cast<double>(blood.extent.height);
      stamp(bleeding ? blood : exudates, row, column, radius, [&](double distance) {
        return strength * std::clamp(pixels - distance + 0.5, 0.0, 1.0);
      });
    }
  }
}

/// The eye without its vessels: how bright, and where the disc is.
struct Fundus {
  double disc_row, disc_column, macula_column, temporal, disc_radius;
  double pigment, light_row, light_column;
  std::array<double, 3> tint;
};

Fundus make_fundus(RandomStream stream, std::int64_t eye) {
  Fundus fundus{};
  fundus.temporal =
      eye == 0 ? 1 : -1;  // seen from the front, the left eye's temple is on the right
  fundus.disc_row = stream.uniform(0.47, 0.53);
  fundus.disc_column = 0.5 - fundus.temporal * stream.uniform(0.24, 0.32);
  fundus.macula_column = fundus.disc_column + fundus.temporal * stream.uniform(0.31, 0.36);
  fundus.disc_radius = stream.uniform(0.048, 0.062);
  fundus.pigment = stream.uniform(0.75, 1.15);
  fundus.light_row = stream.uniform(0.40, 0.60);
  fundus.light_column = stream.uniform(0.40, 0.60);
  for (double& tint : fundus.tint) tint = stream.uniform(0.88, 1.12);
  return fundus;
}

double fundus_at(const Fundus& fundus, std::size_t channel, double y, double x) {
  const double vignette =
      1 - 1.1 * (std::pow(y - fundus.light_row, 2) + std::pow(x - fundus.light_column, 2));
  const double macula = std::hypot(y - fundus.disc_row - 0.02, x - fundus.macula_column) / 0.06;
  const double disc =
      std::hypot((y - fundus.disc_row) / 1.1, x - fundus.disc_column) / fundus.disc_radius;
  const double inside = 1 / (1 + std::exp(14 * (disc - 1)));
  const double cup = 0.12 * std::exp(-4 * disc * disc);
  const double retina = fundus.pigment * fundus.tint[channel] * kRetinaColor[channel] * vignette *
                        (1 - 0.28 * std::exp(-0.5 * macula * macula));
  return retina + inside * ((1 + cup) * kDiscColor[channel] * fundus.tint[channel] - retina);
}

torch::Tensor retina_mask(const Canvas& canvas, const torch::Tensor& field) {
  auto mask = torch::zeros({canvas.extent.height, canvas.extent.width}, torch::kUInt8);
  auto* const pixels = mask.mutable_data_ptr<std::uint8_t>();
  for (std::size_t i = 0; i < canvas.values.size(); ++i) pixels[i] = canvas.values[i] > 0.5;
  return mask.mul_(field);
}

torch::Tensor phantom_retina_field(std::int64_t size) {
  auto field = torch::zeros({size, size}, torch::kUInt8);
  auto* const pixels = field.mutable_data_ptr<std::uint8_t>();
  const auto side = static_cast<double>(size);
  for (std::int64_t i = 0; i < size * size; ++i)
    pixels[i] = std::hypot((static_cast<double>(i / size) + 0.5) / side - 0.5,
                           (static_cast<double>(i % size) + 0.5) / side - 0.5) < kRetinaRadius;
  return field;
}

SampleId retina_identity(std::int64_t patient, std::int64_t eye) {
  SampleId id;
  id.patient = phantom_patient(patient);
  id.case_name = id.name = fmt::format("{}_{}", id.patient, eye == 0 ? "L" : "R");
  id.group = patient % 3 == 2 ? "DR" : "NOR";
  id.source = "phantom";
  return id;
}

std::vector<RawSample> draw_retinas(const PhantomOptions& options, std::int64_t patient) {
  return {phantom_retina(options, patient, 0), phantom_retina(options, patient, 1)};
}

}  // namespace

RawSample phantom_retina(const PhantomOptions& options, std::int64_t patient, std::int64_t eye) {
  const std::int64_t size = options.size;
  const auto stream = [&](std::uint64_t purpose) {
    return phantom_stream(options, PhantomStream::kVessels, 2 * patient + eye, purpose);
  };
  const Fundus fundus = make_fundus(stream(kFundus), eye);
  const Extent extent{size, size};
  RetinaMaps maps(extent);
  Canvas exudates(extent);
  RandomStream growing = stream(kTree);
  draw_vessels(grow_vessels({fundus.disc_row, fundus.disc_column, fundus.temporal}, growing), maps);
  RawSample sample;
  sample.id = retina_identity(patient, eye);
  if (sample.id.group == "DR") draw_spots(stream(kSpots), maps.blood, exudates);
  const Canvas coarse = smooth_noise(extent, 5, stream(kTexture));
  const Canvas fine = smooth_noise(extent, 40, stream(kTexture));
  sample.field_of_view = phantom_retina_field(size);
  sample.labels = retina_mask(maps.first, sample.field_of_view);
  sample.second_observer = retina_mask(maps.second, sample.field_of_view);
  sample.image = torch::empty({3, size, size}, torch::kUInt8);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    Canvas plane(extent);
    for (std::int64_t y = 0; y < size; ++y)
      for (std::int64_t x = 0; x < size; ++x) {
        const double v = (static_cast<double>(y) + 0.5) / static_cast<double>(size);
        const double u = (static_cast<double>(x) + 0.5) / static_cast<double>(size);
        const double texture = 1 + 0.07 * coarse.at(y, x) + 0.05 * fine.at(y, x);
        const double blood = 1 - kBloodTakes[channel] * std::min(maps.blood.at(y, x), 1.2);
        plane.at(y, x) = fundus_at(fundus, channel, v, u) * texture * blood +
                         exudates.at(y, x) * 0.4 * kDiscColor[channel];
      }
    const double field_blur = 0.35 + 0.0012 * static_cast<double>(size);
    blur(plane, {0, field_blur, field_blur});
    store_with_noise(plane, kRetinaNoise, stream(kPixels + channel),
                     sample.image[static_cast<std::int64_t>(channel)]);
  }
  sample.image.mul_(sample.field_of_view);
  return sample;
}

ConversionPlan plan_vessels(const ConverterOptions& options) {
  check_phantom(options, 2);
  return {.header = {.name = "phantom_vessels", .classes = {"vessel"}, .channels = 3},
          .items = phantom_items(options.phantom, draw_retinas)};
}

}  // namespace medsweep::datasets
