#include "datasets/converters/nifti_volume.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/files.h"
#include "datasets/converters/nifti_header.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestDeflateRatio = 1033;
constexpr double kLabelTolerance = 1e-3;

/// Every member of a gzip file, against its checksum; at most a megabyte beyond what is expected.
std::string gunzipped(const fs::path& path, std::size_t expected) {
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

/// The type that takes the file's bits; unsigned ones of more than 8 bits come as signed.
torch::ScalarType type_of_bits(const nifti_image& image, const fs::path& path) {
  switch (image.datatype) {
    case DT_UINT8:
      return torch::kUInt8;
    case DT_INT8:
      return torch::kInt8;
    case DT_INT16:
    case DT_UINT16:
      return torch::kInt16;
    case DT_INT32:
    case DT_UINT32:
      return torch::kInt32;
    case DT_INT64:
      return torch::kInt64;
    case DT_FLOAT32:
      return torch::kFloat32;
    case DT_FLOAT64:
      return torch::kFloat64;
    default:
      throw std::invalid_argument(fmt::format(
          "[{}] voxels of type {}; integers and real numbers of up to 64 bits are allowed",
          path.string(), nifti_datatype_string(image.datatype)));
  }
}

/// The voxels, from the file itself: niftiio would take those of `a.nii` for `a.nii.gz`, a file
/// that ends early for a whole one, and would not look at gzip's checksum.
torch::Tensor load_voxels(const nifti_image& image, const fs::path& path) {
  const torch::ScalarType type = type_of_bits(image, path);
  const auto offset = static_cast<std::size_t>(image.iname_offset);
  const std::size_t bytes = image.nvox * static_cast<std::size_t>(image.nbyper);
  const std::string file =
      path.extension() == ".gz" ? gunzipped(path, offset + bytes) : read_file(path);
  if (file.size() < offset + bytes)
    throw std::runtime_error(
        fmt::format("[{}] truncated: fewer voxels than its header says", path.string()));
  torch::Tensor voxels = torch::empty({image.nt, image.nz, image.ny, image.nx}, type);
  std::memcpy(voxels.data_ptr(), file.data() + offset, bytes);
  if (image.swapsize > 1 && image.byteorder != nifti_short_order())
    nifti_swap_Nbytes(image.nvox, image.swapsize, voxels.data_ptr());
  if (image.datatype == DT_UINT16) return voxels.to(torch::kInt32).bitwise_and(0xFFFF);
  if (image.datatype == DT_UINT32) return voxels.to(torch::kInt64).bitwise_and(0xFFFFFFFF);
  return voxels;
}

torch::Tensor storable(const torch::Tensor& voxels) {
  if (voxels.scalar_type() == torch::kUInt8 || voxels.scalar_type() == torch::kInt16) return voxels;
  if (voxels.is_floating_point()) return voxels.to(torch::kFloat32);
  const bool fits =
      voxels.min().item<std::int64_t>() >= -32768 && voxels.max().item<std::int64_t>() <= 32767;
  return voxels.to(fits ? torch::kInt16 : torch::kFloat32);
}

torch::Tensor scaled(const torch::Tensor& voxels, const nifti_image& image) {
  const double slope = image.scl_slope, intercept = image.scl_inter;
  if (!std::isfinite(slope) || slope == 0 || (slope == 1 && !(std::abs(intercept) > 0)))
    return voxels;
  return voxels.to(torch::kFloat64) * slope + (std::isfinite(intercept) ? intercept : 0.0);
}

/// "x 3, y 0, z 7" of the first voxel of [C, D, H, W] where `wrong` is true.
std::string first_place(const torch::Tensor& wrong) {
  const torch::Tensor at = wrong.nonzero()[0];
  const auto axis = [&](std::int64_t i) { return at[i].item<std::int64_t>(); };
  const std::string channel = wrong.size(0) > 1 ? fmt::format(", channel {}", axis(0)) : "";
  return fmt::format("x {}, y {}, z {}{}", axis(3), axis(2), axis(1), channel);
}

void check_finite(const torch::Tensor& voxels, const fs::path& path) {
  if (!voxels.is_floating_point()) return;
  const torch::Tensor wrong = voxels.isfinite().logical_not();
  if (wrong.any().item<bool>())
    throw std::invalid_argument(fmt::format("[{}] the voxel at {} is {}; finite numbers are needed",
                                            path.string(), first_place(wrong),
                                            voxels.masked_select(wrong)[0].item<double>()));
}

enum class Channels { kOne, kAny };

NiftiHeader open_image(const fs::path& path, Channels channels) {
  NiftiHeader image = open_nifti_header(path);
  image->nt = std::max(image->nt, 1);
  const std::int64_t allowed = channels == Channels::kAny ? image->nt : 1;
  const std::int64_t voxels =
      static_cast<std::int64_t>(image->nx) * image->ny * image->nz * allowed;
  if (voxels < 1 || static_cast<std::int64_t>(image->nvox) != voxels)
    throw std::invalid_argument(
        fmt::format("[{}] {} axes of {} x {} x {} x {} ...; a {} is allowed", path.string(),
                    image->ndim, image->nx, image->ny, image->nz, image->nt,
                    channels == Channels::kAny ? "3-D image, or one of channels in the 4th axis,"
                                               : "3-D image"));
  return image;
}

NiftiVolume read_image(const fs::path& path, Channels channels) {
  const NiftiHeader image = open_image(path, channels);
  const VolumeGeometry geometry = geometry_of(*image, path);
  const torch::Tensor voxels = storable(scaled(load_voxels(*image, path), *image));
  check_finite(voxels, path);
  return {voxels, geometry.spacing, geometry.affine};
}

torch::Tensor whole_numbers(const torch::Tensor& values, const fs::path& path) {
  check_finite(values, path);
  const torch::Tensor wrong = (values - values.round()).abs().gt(kLabelTolerance);
  if (wrong.any().item<bool>())
    throw std::invalid_argument(
        fmt::format("[{}] label {} at {}; whole numbers are allowed", path.string(),
                    values.masked_select(wrong)[0].item<double>(), first_place(wrong)));
  return values.round().clamp(INT32_MIN, INT32_MAX).to(torch::kInt32);
}

}  // namespace

NiftiVolume read_nifti(const fs::path& path) {
  NiftiVolume volume = read_image(path, Channels::kOne);
  volume.voxels = volume.voxels.squeeze(0);
  return volume;
}

NiftiVolume read_nifti_channels(const fs::path& path) { return read_image(path, Channels::kAny); }

std::int64_t nifti_channels(const fs::path& path) { return open_image(path, Channels::kAny)->nt; }

NiftiVolume read_nifti_codes(const fs::path& path) {
  const NiftiHeader image = open_image(path, Channels::kOne);
  const VolumeGeometry geometry = geometry_of(*image, path);
  torch::Tensor codes = scaled(load_voxels(*image, path), *image);
  if (codes.is_floating_point()) codes = whole_numbers(codes.to(torch::kFloat64), path);
  const torch::ScalarType type = codes.scalar_type();
  if (type != torch::kUInt8 && type != torch::kInt16)
    codes = codes.clamp(INT32_MIN, INT32_MAX).to(torch::kInt32);
  return {codes.squeeze(0), geometry.spacing, geometry.affine};
}

NiftiVolume read_nifti_labels(const fs::path& path, std::int64_t largest) {
  NiftiVolume volume = read_nifti_codes(path);
  const std::int64_t lowest = volume.voxels.min().item<std::int64_t>();
  const std::int64_t highest = volume.voxels.max().item<std::int64_t>();
  if (lowest < 0 || highest > largest)
    throw std::invalid_argument(fmt::format("[{}] unknown label {}; 0 to {} are allowed",
                                            path.string(), lowest < 0 ? lowest : highest, largest));
  volume.voxels = volume.voxels.to(torch::kUInt8);
  return volume;
}

}  // namespace medsweep::datasets
