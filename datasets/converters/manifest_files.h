#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/converters/image_files.h"
#include "datasets/converters/volume_geometry.h"

namespace medsweep::datasets {

/// An image out of any of the formats; a picture is a volume of one slice.
struct AnyImage {
  torch::Tensor voxels;  ///< [C, D, H, W] uint8, int16 or float32
  VolumeGeometry geometry{};
  std::string identity{};  ///< of a DICOM: its PatientID, to be hashed and never stored
};

/// How files are read that allow several ways.
struct AnyImageOptions {
  std::int64_t dimension = 2;  ///< what three axes of a .npy are: 2 [C, H, W], 3 [D, H, W]
  ColorKind color = ColorKind::kStored;  ///< of pictures
  std::vector<double> window{};          ///< of DICOM, as read_dicom has it
};

/// Reads NIfTI (.nii, .nii.gz), NumPy (.npy), DICOM (by its bytes), else a picture of
/// image_files.h. Arrays are [H, W], [C, H, W] or, where the last axis only is at most four,
/// [H, W, C]; volumes [D, H, W] or [C, D, H, W]. Throws as the readers of these formats.
AnyImage read_any_image(const std::filesystem::path& path, const AnyImageOptions& options);

/// Label codes out of these formats: [D, H, W] of any integer type, with the file's geometry (its
/// axes may be compared). Throws alike, and std::invalid_argument for what is no plane or volume of
/// whole numbers.
AnyImage read_any_codes(const std::filesystem::path& path);

/// One object: [D, H, W] uint8, 1 where a code is not 0; in pictures where a grey level is at least
/// 128, as read_mask has it.
AnyImage read_any_mask(const std::filesystem::path& path);

/// Whether the file has the letters of a DICOM.
bool is_dicom(const std::filesystem::path& path);

}  // namespace medsweep::datasets
