#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "datasets/converters/volume_geometry.h"

namespace medsweep::datasets {

/// A NIfTI-1 image: its voxels and where they lie, nothing else of its header. The axes stay as the
/// file has them; the affine says how they run.
struct NiftiVolume {
  /// [D, H, W] = the file's [z, y, x], with channels [C, D, H, W] = its [t, z, y, x].
  torch::Tensor voxels;
  std::vector<double> spacing;   ///< mm along [D, H, W]
  std::vector<double> affine{};  ///< as VolumeGeometry's; empty where the file has neither form
};

/// Reads a 3-D image from .nii or .nii.gz: the header with niftiio, the voxels, [D, H, W] uint8,
/// int16 or float32, out of this very file.
///
/// The affine is the sform, else the qform. Spacing is the norm of its columns, but `pixdim` where
/// all columns of the sform have norm 1 and `pixdim` differs: there it only carries directions, and
/// its columns are given `pixdim`'s lengths. A scale slope of 0, or one that is no number, means
/// unscaled; scaled voxels become float32. Integers that fit int16 become that, wider ones and
/// float64 float32.
///
/// Throws std::invalid_argument for what is no 3-D image of finite real numbers (it names the first
/// voxel that is none), std::runtime_error for a file that is truncated or damaged; both name it.
NiftiVolume read_nifti(const std::filesystem::path& path);

/// The same of an image of three or four axes, the fourth its channels: [C, D, H, W], C = 1 of
/// three.
NiftiVolume read_nifti_channels(const std::filesystem::path& path);

/// How many channels read_nifti_channels() finds, by the header. Throws alike.
std::int64_t nifti_channels(const std::filesystem::path& path);

/// Reads a 3-D volume of label codes: [D, H, W] uint8, int16 or int32. Throws as read_nifti, and
/// std::invalid_argument for a voxel that is no whole number (within 0.001, which a scale slope may
/// cost).
NiftiVolume read_nifti_codes(const std::filesystem::path& path);

/// Reads a label volume: [D, H, W] uint8. Throws as read_nifti_codes, and std::invalid_argument for
/// a voxel that is not one of 0, 1, ..., largest.
NiftiVolume read_nifti_labels(const std::filesystem::path& path, std::int64_t largest);

}  // namespace medsweep::datasets
