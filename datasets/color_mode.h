#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/catalog.h"

namespace medsweep::datasets {

/// Which channels the network sees. The first four are for files of one channel (grey) or three
/// (red, green, blue); volumes and modalities have any number.
///
///   rgb    3 channels; a grey image is repeated
///   gray   1 channel: ITU-R 601 luma, 0.299 R + 0.587 G + 0.114 B. Of uint8 images it is rounded
///          to uint8 exactly as PIL's convert("L") does
///   gray_enhanced  as gray; the network enhances it before its first layer
///   green  1 channel: channel 1, where the vessels of a retina stand out; a grey image as it is
///   all    every channel of the file
std::vector<Row> color_mode_rows();

/// The channels that `mode` gives for images of `file_channels`. Throws std::invalid_argument for
/// an unknown mode, or for another number of channels than the mode takes: call it when a study is
/// checked.
std::int64_t color_mode_channels(std::string_view mode, std::int64_t file_channels);

/// [C, H, W] or [C, D, H, W] of any stored type -> [color_mode_channels, ...] of that type (luma of
/// other types than uint8: float32); a view where nothing is computed. Throws as
/// color_mode_channels.
torch::Tensor apply_color_mode(std::string_view mode, const torch::Tensor& image);

/// What is done to the values, once uint8 is scaled by 1/255 and other types are taken as they are.
///
///   none    nothing
///   unit    (x - 0.5) / 0.5: [0, 1] becomes [-1, 1]
///   minmax  (x - min) / (max - min), per image and channel, over the field of view; a constant
///           channel becomes 0
///   zscore  (x - mean) / deviation, per image and channel, over the field of view; a constant
///           channel becomes 0
std::vector<Row> normalization_rows();
/// Throws std::invalid_argument for an unknown name.
void check_normalization(std::string_view normalization);
/// Whether its scales depend on the image: then they are those of the whole one, never of a patch.
bool normalization_reads_values(std::string_view normalization);

/// y = (x / divisor - offset) / scale, for one channel.
struct ChannelScale {
  float divisor = 1, offset = 0, scale = 1;
};

/// The scales of `normalization` for an image. image: [C, (D,) H, W] as stored, colour mode
/// applied; field_of_view: [(D,) H, W] uint8 or undefined. Throws std::invalid_argument for an
/// unknown name.
std::vector<ChannelScale> channel_scales(std::string_view normalization, const torch::Tensor& image,
                                         const torch::Tensor& field_of_view);

/// [C, (D,) H, W] uint8, int16 or float32, any strides -> float32, contiguous, scaled: in `into`
/// where that is defined and of the image's shape (it may be the image itself), else in new memory.
/// Throws std::invalid_argument for another type.
torch::Tensor scaled_image(const torch::Tensor& image, const std::vector<ChannelScale>& scales,
                           const torch::Tensor& into = {});

}  // namespace medsweep::datasets
