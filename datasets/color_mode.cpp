#include "datasets/color_mode.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

struct ColorMode {
  std::int64_t channels;  ///< kAsStored: the file's
  torch::Tensor (*apply)(const torch::Tensor& image);
};

constexpr std::int64_t kAsStored = 0;

torch::Tensor as_stored(const torch::Tensor& image) { return image; }

torch::Tensor as_rgb(const torch::Tensor& image) {
  if (image.size(0) == 3) return image;
  std::vector<std::int64_t> sizes = image.sizes().vec();
  sizes[0] = 3;
  return image.expand(sizes);
}

// PIL's integer form: weights in 1/65536, rounded.
torch::Tensor luma_uint8(const torch::Tensor& image) {
  const torch::Tensor planes = image.contiguous();
  torch::Tensor gray = torch::empty_like(planes[0]).unsqueeze(0);
  const std::int64_t count = gray.numel();
  const auto* red = planes.const_data_ptr<std::uint8_t>();
  const auto *green = red + count, *blue = green + count;
  auto* out = gray.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < count; ++i)
    out[i] = static_cast<std::uint8_t>(
        (19595U * red[i] + 38470U * green[i] + 7471U * blue[i] + 0x8000U) >> 16);
  return gray;
}

torch::Tensor as_gray(const torch::Tensor& image) {
  if (image.size(0) == 1) return image;
  if (image.scalar_type() == torch::kUInt8) return luma_uint8(image);
  const torch::Tensor values = image.to(torch::kFloat32);
  return (0.299F * values[0] + 0.587F * values[1] + 0.114F * values[2]).unsqueeze(0);
}

torch::Tensor as_green(const torch::Tensor& image) {
  return image.size(0) == 1 ? image : image.slice(0, 1, 2);
}

constexpr std::array kColorModes{
    Entry<ColorMode>{"rgb",
                     "rgb",
                     "datasets/color_mode",
                     {3, as_rgb},
                     "three channels; a grey image is repeated"},
    Entry<ColorMode>{
        "gray", "gray", "datasets/color_mode", {1, as_gray}, "one channel: the luma of ITU-R 601"},
    Entry<ColorMode>{"gray_enhanced",
                     "grayenh",
                     "datasets/color_mode",
                     {1, as_gray},
                     "gray, enhanced by layers of its own in front of the network"},
    Entry<ColorMode>{"green",
                     "green",
                     "datasets/color_mode",
                     {1, as_green},
                     "one channel: green, where retinal vessels stand out"},
    Entry<ColorMode>{"all",
                     "all",
                     "datasets/color_mode",
                     {kAsStored, as_stored},
                     "every channel of the file as it is, any number: modalities, volumes"},
};
static_assert(names_are_unique(kColorModes));

enum class Norm { kNone, kUnit, kMinMax, kZScore };

constexpr std::array kNormalizations{
    Entry<Norm>{"none", "raw", "datasets/color_mode", Norm::kNone,
                "uint8 scaled to [0, 1], other values as they are"},
    Entry<Norm>{"unit", "unit", "datasets/color_mode", Norm::kUnit,
                "(x - 0.5) / 0.5: [0, 1] becomes [-1, 1]"},
    Entry<Norm>{"minmax", "mm", "datasets/color_mode", Norm::kMinMax,
                "[0, 1] between the lowest and highest value per image and channel"},
    Entry<Norm>{"zscore", "z", "datasets/color_mode", Norm::kZScore,
                "zero mean and unit deviation per image and channel, in the field of view"},
};
static_assert(names_are_unique(kNormalizations));

const ColorMode& checked_mode(std::string_view mode, std::int64_t channels) {
  const ColorMode& color_mode = find("color_mode", kColorModes, mode).make;
  if (color_mode.channels != kAsStored && channels != 1 && channels != 3)
    throw std::invalid_argument(
        fmt::format("[color_mode] '{}' of images with {} channels; 1 or 3 channels are allowed",
                    mode, channels));
  return color_mode;
}

// In one pass in a fixed order: the same bits on any number of threads.
template <typename Value>
ChannelScale zscore(const Value* values, const std::uint8_t* inside, std::int64_t count,
                    float divisor) {
  double number = 0, mean = 0, squares = 0;
  const double shift = count > 0 ? static_cast<double>(values[0]) : 0;  // keeps the sums small
  for (std::int64_t i = 0; i < count; ++i) {
    if (inside != nullptr && inside[i] == 0) continue;
    const double value = static_cast<double>(values[i]) - shift;
    number += 1;
    mean += value;
    squares += value * value;
  }
  if (number == 0) return {divisor, 0, 1};
  mean /= number;
  const double variance = squares / number - mean * mean;
  const double deviation = variance > 0 ? std::sqrt(variance) / divisor : 0;
  return {divisor, static_cast<float>((mean + shift) / divisor),
          deviation > 1e-12 ? static_cast<float>(deviation) : 1.0F};
}

template <typename Value>
ChannelScale minmax(const Value* values, const std::uint8_t* inside, std::int64_t count,
                    float divisor) {
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (std::int64_t i = 0; i < count; ++i) {
    if (inside != nullptr && inside[i] == 0) continue;
    low = std::min(low, static_cast<float>(values[i]));
    high = std::max(high, static_cast<float>(values[i]));
  }
  if (low > high) return {divisor, 0, 1};
  return {divisor, low / divisor, high > low ? (high - low) / divisor : 1.0F};
}

bool is_identity(const ChannelScale& scale) {
  return scale.divisor == 1 && scale.offset == 0 && scale.scale == 1;
}

template <typename Value>
void scale_row(const Value* in, std::int64_t width, const ChannelScale& by, float* out) {
  const auto [divisor, offset, scale] = by;
  for (std::int64_t x = 0; x < width; ++x)
    out[x] = (static_cast<float>(in[x]) / divisor - offset) / scale;
}

template <typename Call>
auto with_stored_type(const torch::Tensor& image, const Call& call) {
  if (image.scalar_type() == torch::kUInt8) return call(std::uint8_t{});
  if (image.scalar_type() == torch::kInt16) return call(std::int16_t{});
  if (image.scalar_type() == torch::kFloat32) return call(float{});
  throw std::invalid_argument(
      fmt::format("[datasets] an image of type {}; uint8, int16 and float32 are allowed",
                  torch::toString(image.scalar_type())));
}

}  // namespace

std::vector<Row> color_mode_rows() { return rows_of(kColorModes); }
std::vector<Row> normalization_rows() { return rows_of(kNormalizations); }

void check_normalization(std::string_view normalization) {
  find("normalization", kNormalizations, normalization);
}

bool normalization_reads_values(std::string_view normalization) {
  const Norm norm = find("normalization", kNormalizations, normalization).make;
  return norm == Norm::kMinMax || norm == Norm::kZScore;
}

std::int64_t color_mode_channels(std::string_view mode, std::int64_t file_channels) {
  const std::int64_t channels = checked_mode(mode, file_channels).channels;
  return channels == kAsStored ? file_channels : channels;
}

torch::Tensor apply_color_mode(std::string_view mode, const torch::Tensor& image) {
  return checked_mode(mode, image.size(0)).apply(image);
}

std::vector<ChannelScale> channel_scales(std::string_view normalization, const torch::Tensor& image,
                                         const torch::Tensor& field_of_view) {
  const Norm norm = find("normalization", kNormalizations, normalization).make;
  const float divisor = image.scalar_type() == torch::kUInt8 ? 255.0F : 1.0F;
  const auto channels = static_cast<std::size_t>(image.size(0));
  if (norm == Norm::kNone) return std::vector<ChannelScale>(channels, {divisor, 0, 1});
  if (norm == Norm::kUnit) return std::vector<ChannelScale>(channels, {divisor, 0.5F, 0.5F});
  const torch::Tensor inside = field_of_view.defined() ? field_of_view.contiguous() : field_of_view;
  const auto* mask = inside.defined() ? inside.const_data_ptr<std::uint8_t>() : nullptr;
  std::vector<ChannelScale> scales;
  for (std::int64_t c = 0; c < image.size(0); ++c) {
    if (c > 0 && image.stride(0) == 0) {  // a repeated grey image
      scales.push_back(scales.back());
      continue;
    }
    const torch::Tensor plane = image[c].contiguous();
    scales.push_back(with_stored_type(plane, [&](auto type) {
      const auto* values = plane.const_data_ptr<decltype(type)>();
      return norm == Norm::kMinMax ? minmax(values, mask, plane.numel(), divisor)
                                   : zscore(values, mask, plane.numel(), divisor);
    }));
  }
  return scales;
}

torch::Tensor scaled_image(const torch::Tensor& image, const std::vector<ChannelScale>& scales,
                           const torch::Tensor& into) {
  const bool fits = into.defined() && into.sizes() == image.sizes();
  torch::Tensor result = fits ? into : torch::empty(image.sizes(), torch::kFloat32);
  if (result.is_same(image) && std::ranges::all_of(scales, is_identity)) return result;
  const torch::Tensor planes = image.dim() == 4 ? image.flatten(1, 2) : image;  // [C, D H, W]
  const std::int64_t height = planes.size(1), width = planes.size(2);
  with_stored_type(planes, [&](auto type) {
    using Value = decltype(type);
    const torch::Tensor rows = planes.stride(2) == 1 ? planes : planes.contiguous();
    float* out = result.mutable_data_ptr<float>();
    for (std::int64_t c = 0; c < image.size(0); ++c)
      for (std::int64_t y = 0; y < height; ++y, out += width)
        scale_row(rows.const_data_ptr<Value>() + c * rows.stride(0) + y * rows.stride(1), width,
                  scales[static_cast<std::size_t>(c)], out);
    return 0;
  });
  return result;
}

}  // namespace medsweep::datasets
