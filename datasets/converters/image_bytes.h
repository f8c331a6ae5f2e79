#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace medsweep::datasets {

/// What the first bytes of an image file tell.
struct ImageBytes {
  std::string_view format;  ///< "PNG", "JPEG", "GIF", "TIFF", "BMP", "PNM"; "image" where unknown
  bool gray = false;        ///< PNG: stored as grey, maybe with alpha
  bool palette = false;     ///< PNG: stored as a palette
  std::uint32_t width = 0, height = 0;  ///< pixels; 0 where not looked for (TIFF, unknown)
};

/// The file's bytes, unpacked where they are gzip (every member, against its checksum).
/// Throws std::invalid_argument for no such file, std::runtime_error for one that is empty, cannot
/// be read, or whose gzip is damaged; they name it.
std::string read_image_bytes(const std::filesystem::path& path);

/// Looks at the bytes for what decoders pass over. Throws std::invalid_argument for an image of
/// zero size, std::runtime_error for a PNG, JPEG or PNM that ends early; `where` stands in the
/// texts.
ImageBytes inspect_image_bytes(std::string_view bytes, const std::string& where);

}  // namespace medsweep::datasets
