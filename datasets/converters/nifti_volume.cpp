#include "datasets/converters/nifti_volume.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <nifti1_io.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/files.h"

namespace medsweep::datasets {
namespace {

using NiftiImage = std::unique_ptr<nifti_image, decltype(&nifti_image_free)>;

constexpr double kUnitNormTolerance = 1e-3;
constexpr std::size_t kLargestDeflateRatio = 1033;

/// Every member of a gzip file, against its checksum; at most a megabyte beyond what is expected.
std::string gunzipped(const std::filesystem::path& path, std::size_t expected) {
  const std::string stored = read_file(path);
  if (expected / kLargestDeflateRatio > stored.size()) return {};  // cannot hold them
  std::string plain(expected + (std::size_t{1} << 20), '\0');
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>
      decompressor(libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  if (decompressor == nullptr) throw std::bad_alloc();
  std::size_t read = 0, found = 0;
  while (read < stored.size() && found < plain.size()) {
    std::size_t taken = 0, made = 0;
    const libdeflate_result status = libdeflate_gzip_decompress_ex(
        decompressor.get(), stored.data() + read, stored.size() - read, plain.data() + found,
        plain.size() - found, &taken, &made);
    if (status == LIBDEFLATE_INSUFFICIENT_SPACE) return plain;
    if (status != LIBDEFLATE_SUCCESS)
      throw std::runtime_error(
          fmt::format("[{}] its gzip data are truncated or damaged", path.string()));
    read += taken;
    found += made;
  }
  plain.resize(found);
  return plain;
}

/// The voxels, from the file itself: niftiio would take those of `a.nii` for `a.nii.gz`, a file
/// that ends early for a whole one, and would not look at gzip's checksum.
void load_voxels(const std::filesystem::path& path, nifti_image& image) {
  if (image.nifti_type != NIFTI_FTYPE_NIFTI1_1 || image.iname_offset < 0)
    throw std::invalid_argument(fmt::format(
        "[{}] header and voxels in two files; .nii and .nii.gz are allowed", path.string()));
  const auto offset = static_cast<std::size_t>(image.iname_offset);
  const std::size_t bytes = image.nvox * static_cast<std::size_t>(image.nbyper);
  const std::string file =
      path.extension() == ".gz" ? gunzipped(path, offset + bytes) : read_file(path);
  if (file.size() < offset + bytes)
    throw std::runtime_error(
        fmt::format("[{}] truncated: fewer voxels than its header says", path.string()));
  image.data = std::malloc(bytes);  // freed by nifti_image_free
  if (image.data == nullptr) throw std::bad_alloc();
  std::memcpy(image.data, file.data() + offset, bytes);
  if (image.swapsize > 1 && image.byteorder != nifti_short_order())
    nifti_swap_Nbytes(image.nvox, image.swapsize, image.data);
}

NiftiImage open_nifti(const std::filesystem::path& path) {
  nifti_set_debug_level(0);  // it prints otherwise
  if (!std::filesystem::exists(path))
    throw std::invalid_argument(fmt::format("[{}] no such file", path.string()));
  NiftiImage image(nifti_image_read(path.c_str(), 0), &nifti_image_free);
  if (image == nullptr)
    throw std::runtime_error(
        fmt::format("[{}] no NIfTI image, or truncated in its header", path.string()));
  const std::int64_t voxels = static_cast<std::int64_t>(image->nx) * image->ny * image->nz;
  if (voxels < 1 || static_cast<std::int64_t>(image->nvox) != voxels)
    throw std::invalid_argument(
        fmt::format("[{}] {} axes of {} x {} x {} x {} ...; a 3-D image is allowed", path.string(),
                    image->ndim, image->nx, image->ny, image->nz, image->nt));
  load_voxels(path, *image);
  return image;
}

/// As niftiio holds them, in the narrowest torch type that takes all values.
torch::Tensor plain_voxels(const nifti_image& image, const std::string& path) {
  const std::vector<std::int64_t> shape{image.nz, image.ny, image.nx};
  const auto as = [&](torch::ScalarType type) {
    return torch::from_blob(image.data, shape, type).clone();
  };
  switch (image.datatype) {
    case DT_UINT8:
      return as(torch::kUInt8);
    case DT_INT8:
      return as(torch::kInt8);
    case DT_INT16:
      return as(torch::kInt16);
    case DT_UINT16:
      return as(torch::kInt16).to(torch::kInt32).bitwise_and(0xFFFF);
    case DT_INT32:
      return as(torch::kInt32);
    case DT_UINT32:
      return as(torch::kInt32).to(torch::kInt64).bitwise_and(0xFFFFFFFF);
    case DT_INT64:
      return as(torch::kInt64);
    case DT_FLOAT32:
      return as(torch::kFloat32);
    case DT_FLOAT64:
      return as(torch::kFloat64);
    default:
      throw std::invalid_argument(fmt::format(
          "[{}] voxels of type {}; integers and real numbers of up to 64 bits are allowed", path,
          nifti_datatype_string(image.datatype)));
  }
}

torch::Tensor storable(const torch::Tensor& voxels) {
  if (voxels.scalar_type() == torch::kUInt8 || voxels.scalar_type() == torch::kInt16) return voxels;
  if (voxels.is_floating_point()) return voxels.to(torch::kFloat32);
  const bool fits =
      voxels.min().item<std::int64_t>() >= -32768 && voxels.max().item<std::int64_t>() <= 32767;
  return voxels.to(fits ? torch::kInt16 : torch::kFloat32);
}

torch::Tensor scaled_voxels(const nifti_image& image, const std::string& path) {
  const torch::Tensor voxels = plain_voxels(image, path);
  const double slope = image.scl_slope, intercept = image.scl_inter;
  if (!std::isfinite(slope) || slope == 0 || (slope == 1 && intercept == 0)) return voxels;
  return voxels.to(torch::kFloat64) * slope + (std::isfinite(intercept) ? intercept : 0.0);
}

/// The shortest decimal that is this float: 1.68269, not 1.6826900243759155.
double as_written(float value) { return std::stod(fmt::format("{}", value)); }

std::array<double, 3> column_norms(const mat44& affine) {
  std::array<double, 3> norms{};
  for (int column = 0; column < 3; ++column) {
    double sum = 0;
    for (int row = 0; row < 3; ++row)
      sum +=
          static_cast<double>(affine.m[row][column]) * static_cast<double>(affine.m[row][column]);
    norms[static_cast<std::size_t>(column)] = as_written(static_cast<float>(std::sqrt(sum)));
  }
  return norms;
}

double millimetres_per_unit(int unit) {
  if (unit == NIFTI_UNITS_METER) return 1000;
  return unit == NIFTI_UNITS_MICRON ? 0.001 : 1;
}

/// Along [x, y, z] as the affine has it.
std::array<double, 3> voxel_size(const nifti_image& image) {
  const std::array<double, 3> pixdim{as_written(std::abs(image.dx)), as_written(std::abs(image.dy)),
                                     as_written(std::abs(image.dz))};
  if (image.sform_code <= 0) return pixdim;  // the qform's columns are scaled by pixdim
  const std::array<double, 3> norms = column_norms(image.sto_xyz);
  const bool only_directions = std::ranges::all_of(
      norms, [](double norm) { return std::abs(norm - 1) < kUnitNormTolerance; });
  return only_directions ? pixdim : norms;
}

std::vector<double> spacing_of(const nifti_image& image, const std::string& path) {
  const std::array<double, 3> size = voxel_size(image);
  const double unit = millimetres_per_unit(image.xyz_units);
  std::vector<double> spacing{size[2] * unit, size[1] * unit, size[0] * unit};
  for (const double mm : spacing)
    if (!std::isfinite(mm) || mm <= 0)
      throw std::invalid_argument(
          fmt::format("[{}] voxels of {} x {} x {}; positive sizes are allowed", path, size[0],
                      size[1], size[2]));
  return spacing;
}

}  // namespace

NiftiVolume read_nifti(const std::filesystem::path& path) {
  const NiftiImage image = open_nifti(path);
  return {storable(scaled_voxels(*image, path.string())), spacing_of(*image, path.string())};
}

NiftiVolume read_nifti_labels(const std::filesystem::path& path, std::int64_t largest) {
  const NiftiImage image = open_nifti(path);
  const torch::Tensor values = scaled_voxels(*image, path.string()).to(torch::kFloat64);
  const torch::Tensor unknown = values.lt(0)
                                    .logical_or(values.gt(static_cast<double>(largest)))
                                    .logical_or(values.ne(values.round()));
  if (unknown.any().item<bool>())
    throw std::invalid_argument(
        fmt::format("[{}] unknown label {}; 0 to {} are allowed", path.string(),
                    values.masked_select(unknown)[0].item<double>(), largest));
  return {values.to(torch::kUInt8), spacing_of(*image, path.string())};
}

}  // namespace medsweep::datasets
