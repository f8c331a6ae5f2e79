#pragma once

#include <torch/types.h>

#include <filesystem>

namespace medsweep::datasets {

/// What an image is turned into. Grey is ITU-R 601's luminance, rounded as PIL's convert("L") does.
enum class ColorKind { kRgb, kGray, kStored };

/// An image out of PNG, JPEG, TIFF, BMP, GIF (its first picture), PGM or PPM, any of them also
/// inside gzip; the bytes decide, not the ending. [C, H, W], red first, C is 1 or 3: uint8 of 8
/// bits; of 16 bits int16 where the values fit 0 to 32767, else float32. Alpha is dropped, a
/// palette expanded (kStored: one channel where it holds greys only), EXIF's rotation ignored.
///
/// Throws std::invalid_argument for no such file, an image of zero size, other kinds of pixels, and
/// std::runtime_error for what is no image, truncated or damaged; all name the file. So do all
/// below. Any thread may call them.
torch::Tensor read_image(const std::filesystem::path& path, ColorKind kind);

/// A mask out of any of these formats: [H, W] uint8, 1 where the grey level is at least
/// `threshold`. Throws as read_image, and std::invalid_argument for 16 bits, and where grey levels
/// other than 0 occur but none reaches the threshold (a mask of 0 and 1, which would come out
/// empty).
torch::Tensor read_mask(const std::filesystem::path& path, int threshold = 128);

/// Grey levels as they are stored (levels of 1, 2 or 4 bits spread over 0 to 255, as PIL has them),
/// of a PNG with a coloured palette the numbers of the colours: [H, W] uint8. Throws as read_image,
/// and std::invalid_argument for 16 bits or a coloured pixel.
torch::Tensor read_label_image(const std::filesystem::path& path);

/// Writes [H, W] or [3, H, W] uint8, red first, or [H, W] uint16, as PNG; the file appears whole or
/// not at all. Throws std::invalid_argument for other tensors, std::runtime_error for what the disk
/// does.
void write_png(const std::filesystem::path& path, const torch::Tensor& image);

}  // namespace medsweep::datasets
