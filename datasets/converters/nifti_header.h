#pragma once

#include <nifti1_io.h>

#include <filesystem>
#include <memory>

#include "datasets/converters/volume_geometry.h"

namespace medsweep::datasets {

using NiftiHeader = std::unique_ptr<nifti_image, decltype(&nifti_image_free)>;

/// The header of a .nii or .nii.gz file, without voxels. Throws std::invalid_argument for a file
/// that is missing or in two parts, std::runtime_error for one that is no NIfTI image; both name
/// it.
NiftiHeader open_nifti_header(const std::filesystem::path& path);

/// Spacing and affine as read_nifti() says. Throws std::invalid_argument for voxels without a
/// positive size and an affine that is not finite.
VolumeGeometry geometry_of(const nifti_image& image, const std::filesystem::path& path);

}  // namespace medsweep::datasets
