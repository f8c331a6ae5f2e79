#include "datasets/converters/gif_picture.h"

#include <fmt/format.h>
#include <gif_lib.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

struct CloseGif {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};
using GifHandle = std::unique_ptr<GifFileType, CloseGif>;

int read_gif_bytes(GifFileType* gif, GifByteType* target, int wanted) {
  auto& rest = *static_cast<std::string_view*>(gif->UserData);
  const std::size_t length = std::min(rest.size(), static_cast<std::size_t>(wanted));
  std::memcpy(target, rest.data(), length);
  rest.remove_prefix(length);
  return static_cast<int>(length);
}

[[noreturn]] void refuse_gif(const std::string& where, int error) {
  const char* text = GifErrorString(error);
  throw std::runtime_error(fmt::format("[{}] cannot be read as GIF, truncated or damaged: {}",
                                       where, text == nullptr ? "unknown" : text));
}

GifHandle open_gif(std::string_view& bytes, const std::string& where) {
  int error = 0;
  GifHandle gif(DGifOpen(&bytes, &read_gif_bytes, &error));
  if (gif == nullptr) refuse_gif(where, error);
  if (DGifSlurp(gif.get()) != GIF_OK) refuse_gif(where, gif->Error);
  if (gif->ImageCount < 1 || gif->SavedImages[0].RasterBits == nullptr) refuse_gif(where, 0);
  return gif;
}

torch::Tensor expand_palette(const SavedImage& picture, const ColorMapObject& palette,
                             const std::string& where) {
  torch::Tensor planes =
      torch::empty({3, picture.ImageDesc.Height, picture.ImageDesc.Width}, torch::kUInt8);
  auto* const pixels = planes.mutable_data_ptr<std::uint8_t>();
  const std::int64_t count = planes.numel() / 3;
  bool grey = true;
  for (std::int64_t i = 0; i < count; ++i) {
    const int index = picture.RasterBits[i];
    if (index >= palette.ColorCount)
      throw std::runtime_error(
          fmt::format("[{}] a pixel has no colour in the palette: damaged", where));
    const GifColorType color = palette.Colors[index];
    pixels[i] = color.Red;
    pixels[count + i] = color.Green;
    pixels[2 * count + i] = color.Blue;
    grey = grey && color.Red == color.Green && color.Green == color.Blue;
  }
  return grey ? planes.narrow(0, 0, 1).contiguous() : planes;
}

}  // namespace

torch::Tensor read_gif_picture(std::string_view bytes, const std::string& where) {
  const GifHandle gif = open_gif(bytes, where);
  const SavedImage& picture = gif->SavedImages[0];
  if (picture.ImageDesc.Width < 1 || picture.ImageDesc.Height < 1)
    throw std::invalid_argument(fmt::format("[{}] a GIF of {} x {} pixels; at least one is needed",
                                            where, picture.ImageDesc.Width,
                                            picture.ImageDesc.Height));
  const ColorMapObject* palette =
      picture.ImageDesc.ColorMap != nullptr ? picture.ImageDesc.ColorMap : gif->SColorMap;
  if (palette == nullptr) refuse_gif(where, D_GIF_ERR_NO_COLOR_MAP);
  return expand_palette(picture, *palette, where);
}

}  // namespace medsweep::datasets
