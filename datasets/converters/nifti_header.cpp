#include "datasets/converters/nifti_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

namespace medsweep::datasets {
namespace {

constexpr double kUnitNormTolerance = 1e-3;

/// The shortest decimal that is this float: 1.68269, not 1.6826900243759155.
double as_written(float value) { return std::stod(fmt::format("{}", value)); }

double millimetres_per_unit(int unit) {
  if (unit == NIFTI_UNITS_METER) return 1000;
  return unit == NIFTI_UNITS_MICRON ? 0.001 : 1;
}

/// Three rows of four; empty where the file has neither form.
std::vector<double> written_affine(const nifti_image& image) {
  if (image.sform_code <= 0 && image.qform_code <= 0) return {};
  const mat44& form = image.sform_code > 0 ? image.sto_xyz : image.qto_xyz;
  std::vector<double> affine;
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 4; ++column) {
      const float value = form.m[row][column];
      // + 0.0: no negative zeros.
      affine.push_back(std::isfinite(value) ? as_written(value) + 0.0 : std::nan(""));
    }
  return affine;
}

/// Along [D, H, W].
std::vector<double> written_pixdim(const nifti_image& image) {
  const auto size = [](float value) {
    return std::isfinite(value) ? as_written(std::abs(value)) : std::nan("");
  };
  return {size(image.dz), size(image.dy), size(image.dx)};
}

bool only_has_directions(const nifti_image& image, const std::vector<double>& lengths) {
  return image.sform_code > 0 && std::ranges::all_of(lengths, [](double length) {
           return std::abs(length - 1) < kUnitNormTolerance;
         });
}

/// The spacing where the affine has none of its own, else the affine's, in the file's unit.
VolumeGeometry written_geometry(const nifti_image& image) {
  VolumeGeometry geometry{written_pixdim(image), written_affine(image)};
  if (geometry.affine.empty() || image.sform_code <= 0) return geometry;  // a qform has pixdim's
  std::vector<double> lengths = column_lengths(geometry.affine);
  if (only_has_directions(image, lengths))
    return {geometry.spacing,
            regridded({lengths, geometry.affine}, {0, 0, 0}, geometry.spacing).affine};
  for (double& length : lengths) length = as_written(static_cast<float>(length));
  geometry.spacing = lengths;
  return geometry;
}

}  // namespace

NiftiHeader open_nifti_header(const std::filesystem::path& path) {
  static const bool kQuiet = (nifti_set_debug_level(0), true);  // it prints otherwise
  static_cast<void>(kQuiet);
  if (!std::filesystem::exists(path))
    throw std::invalid_argument(fmt::format("[{}] no such file", path.string()));
  NiftiHeader image(nifti_image_read(path.c_str(), 0), &nifti_image_free);
  if (image == nullptr)
    throw std::runtime_error(
        fmt::format("[{}] no NIfTI image, or truncated in its header", path.string()));
  if (image->nifti_type != NIFTI_FTYPE_NIFTI1_1 || image->iname_offset < 0)
    throw std::invalid_argument(fmt::format(
        "[{}] header and voxels in two files; .nii and .nii.gz are allowed", path.string()));
  return image;
}

VolumeGeometry geometry_of(const nifti_image& image, const std::filesystem::path& path) {
  VolumeGeometry geometry = written_geometry(image);
  const double unit = millimetres_per_unit(image.xyz_units);
  for (double& mm : geometry.spacing) mm *= unit;
  for (double& value : geometry.affine) value *= unit;
  if (!std::ranges::all_of(geometry.spacing, [](double mm) { return std::isfinite(mm) && mm > 0; }))
    throw std::invalid_argument(
        fmt::format("[{}] voxels of {} x {} x {} mm; positive sizes are allowed", path.string(),
                    geometry.spacing[2], geometry.spacing[1], geometry.spacing[0]));
  if (!std::ranges::all_of(geometry.affine, [](double value) { return std::isfinite(value); }))
    throw std::invalid_argument(
        fmt::format("[{}] an affine that is not finite; numbers are needed", path.string()));
  return geometry;
}

}  // namespace medsweep::datasets
