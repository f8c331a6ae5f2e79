#include "datasets/converters/phantom_blobs.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "datasets/converters/phantom_canvas.h"

namespace medsweep::datasets {
namespace {

constexpr std::int64_t kHeadSlices = 32;
constexpr double kHeadNoise = 22;
enum HeadTissue : std::uint8_t { kCore, kOedema, kRim, kWhite, kGrey, kFluid, kNothing };
constexpr std::array<std::array<double, kNothing>, 2> kHeadBrightness{
    {{430, 620, 560, 330, 400, 160}, {230, 330, 720, 430, 340, 170}}};
enum HeadStream : std::uint64_t {
  kHead,
  kFolds,
  kEdge,
  kTumour,
  kHeadBias,
  kHeadPixels
};  // + channel

using HeadPoint = std::array<double, 3>;  // mm along [D, H, W] from the centre of the volume

/// Below 1 inside.
double ellipsoid(const HeadPoint& at, const HeadPoint& centre, const HeadPoint& half_axes) {
  double sum = 0;
  for (std::size_t a = 0; a < 3; ++a) sum += std::pow((at[a] - centre[a]) / half_axes[a], 2);
  return std::sqrt(sum);
}

struct HeadTumour {
  HeadPoint centre, oedema;
  double rim, core;  // shares of the oedema's half axes; rim = core: nothing enhances
};

/// A patient's head in mm, and how it lay in the scanner.
struct Head {
  HeadPoint brain, spacing;
  double tilt;
  std::vector<HeadTumour> tumours;
};

void add_tumour(Head& head, RandomStream& stream, bool enhances) {
  HeadTumour tumour{};
  for (std::size_t a = 0; a < 3; ++a) tumour.oedema[a] = stream.uniform(18, 32);
  for (std::size_t a = 0; a < 3; ++a) {
    const double room = std::max(0.0, 0.9 * head.brain[a] - tumour.oedema[a]) / std::sqrt(3.0);
    tumour.centre[a] = stream.uniform(-room, room);
  }
  if (std::abs(tumour.centre[2]) < 15) tumour.centre[2] += tumour.centre[2] < 0 ? -12 : 12;
  tumour.core = stream.uniform(0.3, 0.45);
  tumour.rim = enhances ? tumour.core + stream.uniform(0.15, 0.25) : tumour.core;
  head.tumours.push_back(tumour);
}

Head make_head(const PhantomOptions& options, std::int64_t slices, std::int64_t patient) {
  RandomStream stream = phantom_stream(options, PhantomStream::kBlobs, patient, kHead);
  Head head{};
  head.brain = {stream.uniform(56, 64), stream.uniform(78, 86), stream.uniform(62, 70)};
  const double in_plane =
      std::round(stream.uniform(180, 200) / static_cast<double>(options.size) * 10000) / 10000;
  const double depth =
      std::round(stream.uniform(135, 145) / static_cast<double>(slices) * 100) / 100;
  head.spacing = {depth, in_plane, in_plane};
  head.tilt = stream.uniform(-0.2, 0.2);
  RandomStream growing = phantom_stream(options, PhantomStream::kBlobs, patient, kTumour);
  const std::int64_t count = 1 + growing.below(2);
  for (std::int64_t i = 0; i < count; ++i) add_tumour(head, growing, patient % 4 != 1);
  return head;
}

/// `fold` and `edge` are smooth noise at this voxel: of the cortex, of the tumour's borders.
HeadTissue head_tissue_at(const Head& head, const HeadPoint& at, double fold, double edge) {
  const double brain = ellipsoid(at, {}, head.brain) + 0.03 * fold;
  if (brain > 1) return kNothing;
  const double wavy = 1 + 0.16 * edge;
  HeadTissue found = kNothing;
  for (const HeadTumour& tumour : head.tumours) {
    const double level = ellipsoid(at, tumour.centre, tumour.oedema) * wavy;
    if (level < tumour.core) return kCore;
    if (level < tumour.rim) found = kRim;
    if (level < 1 && found != kRim) found = kOedema;
  }
  if (found != kNothing) return found;
  const HeadPoint side{at[0], at[1], std::abs(at[2])};
  if (ellipsoid(side, {4, -4, 10}, {12, 26, 6}) + 0.15 * fold < 1) return kFluid;
  return brain > 0.86 + 0.10 * fold || std::abs(at[2]) < 2 ? kGrey : kWhite;
}

/// NIfTI's affine, rows of [x y z 1]: axes to the left and to the front, tilted about the first.
std::vector<double> head_affine(const Head& head, const Extent& extent) {
  const double c = std::cos(head.tilt), s = std::sin(head.tilt);
  const double x = head.spacing[2], y = head.spacing[1], z = head.spacing[0];
  const std::array<std::array<double, 3>, 3> axes{
      {{-x, 0, 0}, {0, -c * y, -s * z}, {0, -s * y, c * z}}};
  std::vector<double> affine;
  for (const auto& row : axes) {
    affine.insert(affine.end(), row.begin(), row.end());
    affine.push_back(-(row[0] * static_cast<double>(extent.width - 1) +
                       row[1] * static_cast<double>(extent.height - 1) +
                       row[2] * static_cast<double>(extent.depth - 1)) /
                     2);
  }
  return affine;
}

std::vector<HeadTissue> head_tissues(const Head& head, const Canvas& folds, const Canvas& edges) {
  const Extent& extent = folds.extent;
  std::vector<HeadTissue> tissues;
  tissues.reserve(folds.values.size());
  const auto place = [&](std::size_t axis, std::int64_t i, std::int64_t length) {
    return (static_cast<double>(i) - 0.5 * static_cast<double>(length - 1)) * head.spacing[axis];
  };
  for (std::int64_t z = 0; z < extent.depth; ++z)
    for (std::int64_t y = 0; y < extent.height; ++y)
      for (std::int64_t x = 0; x < extent.width; ++x) {
        const std::size_t i = folds.position(z, y, x);
        tissues.push_back(head_tissue_at(
            head,
            {place(0, z, extent.depth), place(1, y, extent.height), place(2, x, extent.width)},
            folds.values[i], edges.values[i]));
      }
  return tissues;
}

torch::Tensor head_labels(const std::vector<HeadTissue>& tissues, const Extent& extent) {
  torch::Tensor labels = torch::empty({extent.depth, extent.height, extent.width}, torch::kUInt8);
  auto* const voxels = labels.mutable_data_ptr<std::uint8_t>();
  for (std::size_t i = 0; i < tissues.size(); ++i)
    voxels[i] = tissues[i] <= kRim ? static_cast<std::uint8_t>(tissues[i] + 1) : std::uint8_t{0};
  return labels;
}

/// One modality: 0 outside the brain, positive inside, as skull-stripped data are.
void draw_modality(const std::vector<HeadTissue>& tissues, const Canvas& bias,
                   const std::array<double, 2>& mixture, RandomStream noise, torch::Tensor image) {
  Canvas canvas(bias.extent);
  for (std::size_t i = 0; i < tissues.size(); ++i)
    if (tissues[i] != kNothing)
      canvas.values[i] = (mixture[0] * kHeadBrightness[0][tissues[i]] +
                          mixture[1] * kHeadBrightness[1][tissues[i]]) *
                         std::exp(0.18 * bias.values[i]);
  blur(canvas, {0.4, 0.7, 0.7});
  auto* const voxels = image.mutable_data_ptr<std::int16_t>();
  for (std::size_t i = 0; i < tissues.size(); ++i)
    voxels[i] = tissues[i] == kNothing ? std::int16_t{0}
                                       : static_cast<std::int16_t>(std::lround(std::max(
                                             1.0, canvas.values[i] + kHeadNoise * noise.normal())));
}

std::vector<RawSample> draw_heads(const PhantomOptions& options, std::int64_t patient) {
  return {phantom_head(options, patient)};
}

}  // namespace

RawSample phantom_head(const PhantomOptions& options, std::int64_t patient) {
  const std::int64_t slices = options.slices == 0 ? kHeadSlices : options.slices;
  const Extent extent{options.size, options.size, slices};
  const auto stream = [&](std::uint64_t purpose) {
    return phantom_stream(options, PhantomStream::kBlobs, patient, purpose);
  };
  const Head head = make_head(options, slices, patient);
  const Canvas folds = smooth_noise(extent, 14, stream(kFolds));
  const Canvas bias = smooth_noise(extent, 2, stream(kHeadBias));
  const auto tissues = head_tissues(head, folds, smooth_noise(extent, 9, stream(kEdge)));
  RawSample sample;
  sample.id.name = sample.id.case_name = sample.id.patient = phantom_patient(patient);
  sample.id.group = patient % 2 == 1 ? "LGG" : "HGG";
  sample.id.source = "phantom";
  sample.id.spacing = {head.spacing.begin(), head.spacing.end()};
  sample.id.affine = head_affine(head, extent);
  sample.labels = head_labels(tissues, extent);
  sample.image =
      torch::empty({options.channels, slices, options.size, options.size}, torch::kInt16);
  const std::array<std::array<double, 2>, 2> mixtures{{{1, 0}, {0, 1}}};
  for (std::int64_t c = 0; c < options.channels; ++c)
    draw_modality(
        tissues, bias,
        options.channels == 1 ? std::array{0.45, 0.55} : mixtures[static_cast<std::size_t>(c)],
        stream(kHeadPixels + static_cast<std::uint64_t>(c)), sample.image[c]);
  return sample;
}

ConversionPlan plan_blobs(const ConverterOptions& options) {
  check_phantom(options, 3);
  if (options.phantom.channels != 1 && options.phantom.channels != 2)
    throw std::invalid_argument(
        fmt::format("[phantom] {} channels; blobs have 1 or 2", options.phantom.channels));
  return {.header = {.name = "phantom_blobs",
                     .classes = {"ncr", "ed", "et"},
                     .channels = options.phantom.channels,
                     .dimension = 3,
                     .regions = {{"wt", {1, 2, 3}}, {"tc", {1, 3}}, {"et", {3}}},
                     .label_codes = {1, 2, 4}},
          .items = phantom_items(options.phantom, draw_heads)};
}

}  // namespace medsweep::datasets
