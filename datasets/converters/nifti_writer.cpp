#include "datasets/converters/nifti_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <libdeflate.h>
#include <nifti1_io.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"

namespace medsweep::datasets {
namespace {

constexpr int kGzipLevel = 6;
constexpr std::size_t kVoxelOffset = 352;
constexpr std::int64_t kLongestAxis = 32767;
constexpr double kRightAngle = 1e-4;  // of the cosine
constexpr short kScannerSpace = 1;    // NIFTI_XFORM_SCANNER_ANAT

short nifti_type_of(const torch::Tensor& voxels, const std::filesystem::path& path) {
  switch (voxels.scalar_type()) {
    case torch::kUInt8:
      return DT_UINT8;
    case torch::kInt16:
      return DT_INT16;
    case torch::kInt32:
      return DT_INT32;
    case torch::kFloat32:
      return DT_FLOAT32;
    default:
      throw std::invalid_argument(
          fmt::format("[{}] voxels of type {}; uint8, int16, int32 and float32 are allowed",
                      path.string(), torch::toString(voxels.scalar_type())));
  }
}

bool at_right_angles(const std::vector<double>& affine) {
  const auto product = [&](std::size_t a, std::size_t b) {
    return affine[a] * affine[b] + affine[4 + a] * affine[4 + b] + affine[8 + a] * affine[8 + b];
  };
  for (const auto& [a, b] : {std::pair<std::size_t, std::size_t>{0, 1}, {0, 2}, {1, 2}})
    if (std::abs(product(a, b)) > kRightAngle * std::sqrt(product(a, a) * product(b, b)))
      return false;
  return true;
}

void set_qform(nifti_1_header& header, const mat44& form) {
  float dx = 0, dy = 0, dz = 0, side = 1;
  nifti_mat44_to_quatern(form, &header.quatern_b, &header.quatern_c, &header.quatern_d,
                         &header.qoffset_x, &header.qoffset_y, &header.qoffset_z, &dx, &dy, &dz,
                         &side);
  header.qform_code = kScannerSpace;
  header.pixdim[0] = side;
}

void set_affine(nifti_1_header& header, const std::vector<double>& affine) {
  mat44 form{};
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 4; ++column)
      form.m[row][column] = static_cast<float>(affine[4 * row + column]);
  form.m[3][3] = 1;
  std::memcpy(header.srow_x, form.m[0], sizeof header.srow_x);
  std::memcpy(header.srow_y, form.m[1], sizeof header.srow_y);
  std::memcpy(header.srow_z, form.m[2], sizeof header.srow_z);
  header.sform_code = kScannerSpace;
  if (at_right_angles(affine)) set_qform(header, form);
}

nifti_1_header header_of(const NiftiVolume& volume, const std::filesystem::path& path) {
  const torch::Tensor& voxels = volume.voxels;
  nifti_1_header header{};
  header.sizeof_hdr = 348;
  header.datatype = nifti_type_of(voxels, path);
  header.bitpix = static_cast<short>(8 * voxels.element_size());
  header.dim[0] = static_cast<short>(voxels.dim());
  for (std::int64_t axis = 0; axis < 7; ++axis) {
    const bool is_there = axis < voxels.dim();
    header.dim[axis + 1] = static_cast<short>(is_there ? voxels.size(voxels.dim() - 1 - axis) : 1);
    header.pixdim[axis + 1] = static_cast<float>(
        axis < 3 && !volume.spacing.empty() ? volume.spacing[static_cast<std::size_t>(2 - axis)]
                                            : 1.0);
  }
  header.pixdim[0] = 1;
  if (!volume.spacing.empty()) header.xyzt_units = NIFTI_UNITS_MM;
  header.vox_offset = kVoxelOffset;
  header.scl_slope = 1;
  if (!volume.affine.empty()) set_affine(header, volume.affine);
  std::memcpy(header.magic, "n+1", 4);
  return header;
}

std::string gzipped(const std::string& plain) {
  const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
      libdeflate_alloc_compressor(kGzipLevel), &libdeflate_free_compressor);
  if (compressor == nullptr) throw std::bad_alloc();
  std::string packed(libdeflate_gzip_compress_bound(compressor.get(), plain.size()), '\0');
  packed.resize(libdeflate_gzip_compress(compressor.get(), plain.data(), plain.size(),
                                         packed.data(), packed.size()));
  return packed;
}

}  // namespace

void write_nifti(const std::filesystem::path& path, const NiftiVolume& volume) {
  const torch::Tensor voxels = volume.voxels.contiguous();
  const bool fits =
      (voxels.dim() == 3 || voxels.dim() == 4) && voxels.numel() > 0 &&
      std::ranges::all_of(voxels.sizes(), [](std::int64_t size) { return size <= kLongestAxis; });
  if (!fits)
    throw std::invalid_argument(
        fmt::format("[{}] an array of {}; 3 or 4 axes of 1 to {} are allowed", path.string(),
                    fmt::join(voxels.sizes(), " x "), kLongestAxis));
  const nifti_1_header header = header_of({voxels, volume.spacing, volume.affine}, path);
  std::string bytes(kVoxelOffset + voxels.nbytes(), '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + kVoxelOffset, voxels.data_ptr(), voxels.nbytes());
  write_file_atomically(path, path.extension() == ".gz" ? gzipped(bytes) : bytes);
}

}  // namespace medsweep::datasets
