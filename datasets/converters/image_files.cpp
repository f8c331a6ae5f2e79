#include "datasets/converters/image_files.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <gif_lib.h>
#include <torch/torch.h>

#include <memory>
#include <opencv2/core.hpp>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

struct CloseGif {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};
using GifHandle = std::unique_ptr<GifFileType, CloseGif>;

void check_exists(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    throw std::invalid_argument(fmt::format("[{}] no such file", path.string()));
}

[[noreturn]] void refuse_gif(const std::filesystem::path& path, int error) {
  const char* text = GifErrorString(error);
  throw std::runtime_error(fmt::format("[{}] cannot be read as GIF, truncated or damaged: {}",
                                       path.string(), text == nullptr ? "unknown" : text));
}

GifHandle open_gif(const std::filesystem::path& path) {
  check_exists(path);
  int error = 0;
  GifHandle gif(DGifOpenFileName(path.c_str(), &error));
  if (gif == nullptr) refuse_gif(path, error);
  if (DGifSlurp(gif.get()) != GIF_OK) refuse_gif(path, gif->Error);
  if (gif->ImageCount < 1 || gif->SavedImages[0].RasterBits == nullptr) refuse_gif(path, 0);
  return gif;
}

std::uint8_t grey_of(const ColorMapObject& palette, int index, const std::filesystem::path& path) {
  if (index >= palette.ColorCount)
    throw std::runtime_error(
        fmt::format("[{}] a pixel has no colour in the palette: damaged", path.string()));
  const GifColorType color = palette.Colors[index];
  if (color.Red != color.Green || color.Green != color.Blue)
    throw std::invalid_argument(
        fmt::format("[{}] a coloured GIF; shades of grey are allowed", path.string()));
  return color.Red;
}

using ReadImage = void (*)(const std::string& path, cv::Mat& image);

/// The codecs lie beside the program: image_codecs_module.cpp.
ReadImage open_codecs() {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const std::filesystem::path library = folder / "libmedsweep_image_codecs.so";
  void* codecs = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* function = codecs == nullptr ? nullptr : dlsym(codecs, "medsweep_read_image");
  if (function == nullptr)
    throw std::runtime_error(fmt::format("[{}] cannot be used: {}", library.string(), dlerror()));
  return reinterpret_cast<ReadImage>(function);
}

cv::Mat decode_image(const std::filesystem::path& path) {
  check_exists(path);
  static const ReadImage read_image = open_codecs();
  try {
    cv::Mat image;
    read_image(path.string(), image);
    return image;
  } catch (const cv::Exception& error) {
    throw std::runtime_error(fmt::format("[{}] cannot be decoded: {}", path.string(), error.err));
  }
}

}  // namespace

torch::Tensor read_rgb(const std::filesystem::path& path) {
  const cv::Mat image = decode_image(path);  // [H, W] of blue, green, red
  if (image.empty())
    throw std::runtime_error(fmt::format(
        "[{}] cannot be decoded: no known image format, truncated or damaged", path.string()));
  if (image.type() != CV_8UC3)
    throw std::invalid_argument(
        fmt::format("[{}] {} channels, {} bytes each; RGB of 8 bits is allowed", path.string(),
                    image.channels(), image.elemSize1()));
  return torch::from_blob(image.data, {image.rows, image.cols, 3},
                          {static_cast<std::int64_t>(image.step[0]), 3, 1}, torch::kUInt8)
      .permute({2, 0, 1})
      .flip(0)
      .contiguous();
}

torch::Tensor read_gif(const std::filesystem::path& path) {
  const GifHandle gif = open_gif(path);
  const SavedImage& picture = gif->SavedImages[0];
  const ColorMapObject* palette =
      picture.ImageDesc.ColorMap != nullptr ? picture.ImageDesc.ColorMap : gif->SColorMap;
  if (palette == nullptr) refuse_gif(path, D_GIF_ERR_NO_COLOR_MAP);
  torch::Tensor values =
      torch::empty({picture.ImageDesc.Height, picture.ImageDesc.Width}, torch::kUInt8);
  auto* const pixels = values.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    pixels[i] = grey_of(*palette, picture.RasterBits[i], path);
  return values;
}

torch::Tensor read_gif_mask(const std::filesystem::path& path) {
  const torch::Tensor values = read_gif(path);
  const torch::Tensor unknown = values.ne(0).logical_and(values.ne(255));
  if (unknown.any().item<bool>())
    throw std::invalid_argument(
        fmt::format("[{}] unknown label, grey level {}; 0 and 255 are allowed", path.string(),
                    values.masked_select(unknown)[0].item<int>()));
  return values.ne(0).to(torch::kUInt8);
}

}  // namespace medsweep::datasets
