#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "datasets/export.h"

namespace medsweep::datasets {

/// How an image lies in PNG files: value = pixel * scale + offset.
struct SavedImage {
  std::vector<std::string> files;  ///< one, or one a channel
  double scale = 1, offset = 0;
};

/// Writes [C, H, W] so that its values can be had back. One channel or three of uint8 become one
/// file, NAME.png; other types 16 bits, a file a channel, NAME_0000.png where there are several.
/// int16 is exact (offset -32768 where it has negative values), float32 is divided into 65,536
/// steps from its least to its greatest value. Throws as write_png.
SavedImage save_exact(const std::filesystem::path& folder, const std::string& name,
                      const torch::Tensor& image);

/// Writes [1, H, W] or [3, H, W] as NAME.png of 8 bits, for tools that know no others: uint8 as it
/// is, other types scaled from the least to the greatest value. Throws as write_png.
void save_viewable(const std::filesystem::path& folder, const std::string& name,
                   const torch::Tensor& image);

/// Calls `work` with every sample of the file, in any order, on several threads, and `progress`.
/// Throws std::invalid_argument for samples that are volumes and for two samples whose exported
/// names are equal; `format` stands in the texts.
void for_each_image(const DataFile& file, std::string_view format, const ExportProgress& progress,
                    const std::function<void(std::int64_t index, const RawSample& sample,
                                             const std::string& name)>& work);

}  // namespace medsweep::datasets
