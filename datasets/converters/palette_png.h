#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace medsweep::datasets {

/// The numbers of the colours, as tools store labels: 0, 1, 2 ... whatever their colours are.
struct PaletteIndices {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> indices;  ///< [height, width]
};

/// Those of a PNG that inspect_image_bytes has passed, where it has a palette with any colour that
/// is no grey; empty for another PNG. Throws std::invalid_argument for an interlaced one,
/// std::runtime_error for one that is damaged; `where` stands in the texts.
std::optional<PaletteIndices> read_palette_indices(std::string_view png, const std::string& where);

}  // namespace medsweep::datasets
