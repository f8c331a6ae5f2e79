#pragma once

#include <gif_lib.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Writes [H, W] or [3, H, W] uint8 (red first), or [H, W] int16 as 16 bits; the ending decides.
inline void write_made_image(const std::filesystem::path& path, const torch::Tensor& image) {
  std::filesystem::create_directories(path.parent_path());
  torch::Tensor pixels = image.contiguous();
  int type = image.scalar_type() == torch::kUInt8 ? CV_8UC1 : CV_16UC1;
  if (image.dim() == 3) {
    pixels = image.flip(0).permute({1, 2, 0}).contiguous();  // blue first for OpenCV
    type = CV_8UC3;
  }
  const cv::Mat matrix(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), type,
                       pixels.mutable_data_ptr());
  ASSERT_TRUE(cv::imwrite(path.string(), matrix));
}

/// Grey levels by a palette of `levels`; a pixel is an index into it.
inline void write_made_gif(const std::filesystem::path& path, const torch::Tensor& indices,
                           const std::vector<int>& levels = {0, 255}) {
  std::filesystem::create_directories(path.parent_path());
  std::vector<GifColorType> colors;
  for (const int level : levels) {
    const auto grey = static_cast<GifByteType>(level);
    colors.push_back({grey, grey, grey});
  }
  ColorMapObject* palette = GifMakeMapObject(static_cast<int>(colors.size()), colors.data());
  const auto height = static_cast<int>(indices.size(0)), width = static_cast<int>(indices.size(1));
  int error = 0;
  GifFileType* gif = EGifOpenFileName(path.c_str(), false, &error);
  ASSERT_NE(gif, nullptr);
  ASSERT_EQ(EGifPutScreenDesc(gif, width, height, 8, 0, palette), GIF_OK);
  ASSERT_EQ(EGifPutImageDesc(gif, 0, 0, width, height, false, nullptr), GIF_OK);
  torch::Tensor pixels = indices.to(torch::kUInt8).contiguous();
  for (int row = 0; row < height; ++row)
    ASSERT_EQ(EGifPutLine(gif, pixels[row].mutable_data_ptr<std::uint8_t>(), width), GIF_OK);
  EGifCloseFile(gif, &error);
  GifFreeMapObject(palette);
}

/// Reads every item of a plan: sample's name -> sample.
inline std::map<std::string, RawSample> samples_of(const ConversionPlan& plan) {
  std::map<std::string, RawSample> samples;
  for (const ConversionItem& item : plan.items)
    for (const RawSample& sample : item.read()) samples[sample.id.name] = sample;
  return samples;
}

inline std::string text_from_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0, count = 0;
  for (const char character : text.substr(0, text.find('='))) {
    bits = (bits << 6U | static_cast<unsigned>(digits.find(character))) & 0xFFFFU;
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xFFU);
  }
  return bytes;
}

}  // namespace medsweep::datasets
