#include "datasets/converters/image_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <limits>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/files.h"
#include "datasets/converters/gif_picture.h"
#include "datasets/converters/image_bytes.h"
#include "datasets/converters/module.h"
#include "datasets/converters/palette_png.h"

namespace medsweep::datasets {
namespace {

constexpr const char* kCodecs = "libmedsweep_image_codecs.so";

/// An image as it is stored, without alpha.
struct StoredImage {
  torch::Tensor planes;  // [C, H, W] uint8, int32 (16 bits unsigned), int16 or float32; red first
  std::string_view format;  // "PNG"
};

/// What a palette's colours are turned into.
enum class PaletteColors { kExpanded, kNumbered };

cv::Mat decode_image(const std::string& bytes, const std::string& where) {
  using Decode = void (*)(const char* bytes, std::size_t size, cv::Mat& image);
  static const auto decode =
      reinterpret_cast<Decode>(module_function(kCodecs, "medsweep_decode_image"));
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw std::invalid_argument(
        fmt::format("[{}] {} bytes; less than 2 GiB are allowed", where, bytes.size()));
  cv::Mat image;  // [H, W] of blue, green, red
  try {
    decode(bytes.data(), bytes.size(), image);
  } catch (const cv::Exception& error) {
    throw std::runtime_error(fmt::format("[{}] cannot be decoded: {}", where, error.err));
  }
  if (image.empty())
    throw std::runtime_error(
        fmt::format("[{}] cannot be decoded: no known image format, truncated or damaged", where));
  return image;
}

torch::ScalarType torch_type_of(const cv::Mat& image, const std::string& where) {
  switch (image.depth()) {
    case CV_8U:
      return torch::kUInt8;
    case CV_16S:
      return torch::kInt16;
    case CV_32S:
      return torch::kInt32;
    case CV_32F:
      return torch::kFloat32;
    default:
      throw std::invalid_argument(
          fmt::format("[{}] {} channels of {} bytes; 8 or 16 bits or float32 are allowed", where,
                      image.channels(), image.elemSize1()));
  }
}

torch::Tensor planes_of(cv::Mat image, const std::string& where) {
  if (image.channels() == 2 || image.channels() > 4)
    throw std::invalid_argument(
        fmt::format("[{}] {} channels; grey or colour, with or without alpha, is allowed", where,
                    image.channels()));
  if (image.channels() >= 3) {
    cv::Mat red_first;
    cv::cvtColor(image, red_first, image.channels() == 4 ? cv::COLOR_BGRA2RGB : cv::COLOR_BGR2RGB);
    image = red_first;
  }
  if (image.depth() == CV_16U) image.convertTo(image, CV_32S);
  const torch::ScalarType type = torch_type_of(image, where);
  const std::int64_t channels = image.channels();
  const auto row = static_cast<std::int64_t>(image.step1(0));
  return torch::from_blob(image.data, {image.rows, image.cols, channels}, {row, channels, 1}, type)
      .permute({2, 0, 1})
      .clone(torch::MemoryFormat::Contiguous);
}

bool is_grey(const torch::Tensor& planes) {
  return planes.size(0) == 1 || (planes[0].equal(planes[1]) && planes[0].equal(planes[2]));
}

/// The numbers of the colours of a coloured palette, [1, H, W] uint8; undefined for another image.
torch::Tensor palette_numbers(const std::string& bytes, const std::string& where) {
  const std::optional<PaletteIndices> found = read_palette_indices(bytes, where);
  if (!found) return {};
  return torch::tensor(found->indices, torch::kUInt8).reshape({1, found->height, found->width});
}

StoredImage read_stored(const std::filesystem::path& path,
                        PaletteColors colors = PaletteColors::kExpanded) {
  const std::string where = path.string(), bytes = read_image_bytes(path);
  const ImageBytes found = inspect_image_bytes(bytes, where);
  StoredImage stored{.planes = {}, .format = found.format};
  if (found.format == "GIF") {
    stored.planes = read_gif_picture(bytes, where);
    return stored;
  }
  stored.planes = planes_of(decode_image(bytes, where), where);
  if (found.palette && colors == PaletteColors::kNumbered) {
    const torch::Tensor numbers = palette_numbers(bytes, where);
    if (numbers.defined()) stored.planes = numbers;
  }
  // Decoders give greys with alpha and palettes as colours.
  if (stored.planes.size(0) == 3 && (found.gray || (found.palette && is_grey(stored.planes))))
    stored.planes = stored.planes.narrow(0, 0, 1).contiguous();
  return stored;
}

/// ITU-R 601 in PIL's integers: (19595 R + 38470 G + 7471 B + 2^15) / 2^16. [3, H, W] -> [1, H, W].
torch::Tensor luminance(const torch::Tensor& planes) {
  const torch::ScalarType type = planes.scalar_type();
  const bool real = torch::isFloatingType(type);
  const torch::ScalarType wide = real                    ? torch::kFloat64
                                 : type == torch::kUInt8 ? torch::kInt32
                                                         : torch::kInt64;
  torch::Tensor sum = planes[0].to(wide) * 19595;
  sum.add_(planes[1].to(wide), 38470).add_(planes[2].to(wide), 7471);
  sum = real ? sum / 65536 : (sum + 32768).bitwise_right_shift(16);
  return sum.to(type).unsqueeze(0);
}

torch::Tensor narrowed_planes(const torch::Tensor& planes) {
  if (planes.scalar_type() != torch::kInt32) return planes;
  const bool fits = planes.max().item<int>() <= std::numeric_limits<std::int16_t>::max();
  return planes.to(fits ? torch::kInt16 : torch::kFloat32);
}

torch::Tensor read_eight_bits(const std::filesystem::path& path, PaletteColors colors) {
  const StoredImage stored = read_stored(path, colors);
  const torch::Tensor& planes = stored.planes;
  if (planes.scalar_type() != torch::kUInt8)
    throw std::invalid_argument(
        fmt::format("[{}] {}-bit {} where 8 bits were expected", path.string(),
                    torch::isFloatingType(planes.scalar_type()) ? 32 : 16, stored.format));
  return planes;
}

}  // namespace

torch::Tensor read_image(const std::filesystem::path& path, ColorKind kind) {
  torch::Tensor planes = read_stored(path).planes;
  if (kind == ColorKind::kGray && planes.size(0) == 3) planes = luminance(planes);
  if (kind == ColorKind::kRgb && planes.size(0) == 1) planes = planes.repeat({3, 1, 1});
  return narrowed_planes(planes);
}

torch::Tensor read_mask(const std::filesystem::path& path, int threshold) {
  torch::Tensor planes = read_eight_bits(path, PaletteColors::kExpanded);
  if (planes.size(0) == 3) planes = luminance(planes);
  const int brightest = planes.max().item<int>();
  if (brightest > 0 && brightest < threshold)
    throw std::invalid_argument(fmt::format(
        "[{}] its brightest pixel is {}; a mask has pixels of {} and more, or none but 0",
        path.string(), brightest, threshold));
  return planes[0].ge(threshold).to(torch::kUInt8);
}

torch::Tensor read_label_image(const std::filesystem::path& path) {
  const torch::Tensor planes = read_eight_bits(path, PaletteColors::kNumbered);
  if (!is_grey(planes))
    throw std::invalid_argument(
        fmt::format("[{}] a coloured image; grey levels are allowed", path.string()));
  return planes[0].contiguous();
}

void write_png(const std::filesystem::path& path, const torch::Tensor& image) {
  using Encode = bool (*)(const cv::Mat& image, std::vector<std::uint8_t>& bytes);
  static const auto encode =
      reinterpret_cast<Encode>(module_function(kCodecs, "medsweep_encode_png"));
  const bool colored = image.dim() == 3 && image.size(0) == 3;
  const bool wide = image.scalar_type() == torch::kUInt16 && image.dim() == 2;
  const bool narrow = image.scalar_type() == torch::kUInt8 && (image.dim() == 2 || colored);
  if ((!wide && !narrow) || image.numel() == 0)
    throw std::invalid_argument(fmt::format(
        "[{}] {} of {}; [H, W] or [3, H, W] uint8 and [H, W] uint16 are allowed", path.string(),
        fmt::join(image.sizes(), " x "), torch::toString(image.scalar_type())));
  const torch::Tensor pixels =
      colored ? image.flip(0).permute({1, 2, 0}).contiguous() : image.contiguous();
  const cv::Mat matrix(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)),
                       wide ? CV_16UC1 : (colored ? CV_8UC3 : CV_8UC1),
                       const_cast<void*>(pixels.const_data_ptr()));
  std::vector<std::uint8_t> bytes;
  if (!encode(matrix, bytes))
    throw std::runtime_error(fmt::format("[{}] cannot be encoded as PNG", path.string()));
  write_file_atomically(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace medsweep::datasets
