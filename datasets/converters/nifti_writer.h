#pragma once

#include <filesystem>

#include "datasets/converters/nifti_volume.h"

namespace medsweep::datasets {

/// Writes .nii.gz or .nii (by the path's ending), a NIfTI-1 file that read_nifti() gives back:
/// voxels [D, H, W], or [C, D, H, W] with the channels as the fourth axis, uint8, int16, int32 or
/// float32, unscaled. The affine is the sform, and the qform where its columns are at right angles;
/// without one both are marked unknown and `pixdim` has the spacing (1, without a unit, where that
/// is empty). No text, no time: the same volume gives the same bytes. The file appears whole or not
/// at all.
///
/// Throws std::invalid_argument for another type or shape, an axis longer than NIfTI-1's 32767,
/// std::runtime_error for what the disk does.
void write_nifti(const std::filesystem::path& path, const NiftiVolume& volume);

}  // namespace medsweep::datasets
