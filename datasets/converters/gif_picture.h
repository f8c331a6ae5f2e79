#pragma once

#include <torch/types.h>

#include <string>
#include <string_view>

namespace medsweep::datasets {

/// The first picture of a GIF through its palette: [1, H, W] uint8 where the palette's colours that
/// occur are all greys, else [3, H, W]. Throws std::runtime_error for a file that is truncated or
/// damaged, std::invalid_argument for a picture of zero size; `where` stands in the texts.
torch::Tensor read_gif_picture(std::string_view bytes, const std::string& where);

}  // namespace medsweep::datasets
