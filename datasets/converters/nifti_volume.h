#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace medsweep::datasets {

/// A NIfTI-1 image: its voxels and their size, nothing else of its header.
struct NiftiVolume {
  torch::Tensor voxels;         ///< [D, H, W] = the file's [z, y, x]; uint8, int16 or float32
  std::vector<double> spacing;  ///< mm along [D, H, W]
};

/// Reads .nii or .nii.gz: the header with niftiio, the voxels out of this very file.
///
/// Spacing is the norm of the affine's columns (sform, else qform), but `pixdim` where all columns
/// have norm 1 and `pixdim` differs: there the affine only carries directions. A scale slope of 0,
/// or one that is no number, means unscaled; scaled voxels become float32. Integers that fit int16
/// become that, wider ones and float64 float32.
///
/// Throws std::invalid_argument for what is no 3-D image of real numbers, std::runtime_error for a
/// file that is truncated or damaged; both name it.
NiftiVolume read_nifti(const std::filesystem::path& path);

/// Reads a label volume: [D, H, W] uint8. Throws as read_nifti, and std::invalid_argument for a
/// voxel that is not one of 0, 1, ..., largest.
NiftiVolume read_nifti_labels(const std::filesystem::path& path, std::int64_t largest);

}  // namespace medsweep::datasets
