#pragma once

#include <libdeflate.h>
#include <nifti1.h>
#include <torch/torch.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <string>

#include "base/files.h"

namespace medsweep::datasets {

/// A NIfTI-1 header as ACDC's volumes have it: directions only in the sform, spacing only in
/// `pixdim`, a scale slope that is no number. Tests change what they are about.
inline nifti_1_header made_header(const torch::Tensor& voxels) {
  nifti_1_header header{};
  header.sizeof_hdr = 348;
  const std::int64_t axes = voxels.dim();
  header.dim[0] = static_cast<short>(axes);
  for (std::int64_t axis = 0; axis < 7; ++axis)
    header.dim[axis + 1] =
        axis < axes ? static_cast<short>(voxels.size(axes - 1 - axis)) : short{1};
  const torch::ScalarType type = voxels.scalar_type();
  header.datatype = type == torch::kUInt8     ? 2
                    : type == torch::kInt16   ? 4
                    : type == torch::kInt32   ? 8
                    : type == torch::kFloat32 ? 16
                                              : 64;
  header.bitpix = static_cast<short>(8 * voxels.element_size());
  const float spacing[8]{1, 1.5625F, 1.25F, 10, 1, 1, 1, 1};
  std::memcpy(header.pixdim, spacing, sizeof spacing);
  header.vox_offset = 352;
  header.scl_slope = header.scl_inter = std::numeric_limits<float>::quiet_NaN();
  header.sform_code = 2;
  header.srow_x[0] = -1;
  header.srow_y[1] = -1;
  header.srow_z[2] = 1;
  std::memcpy(header.descrip, "Jane Doe 1970", 13);
  std::memcpy(header.magic, "n+1", 4);
  return header;
}

/// Writes [D, H, W] voxels, or [C, D, H, W]; gzip where the name ends so.
inline void write_nifti(const std::filesystem::path& path, const torch::Tensor& given,
                        const nifti_1_header& header) {
  const torch::Tensor voxels = given.contiguous();
  std::string bytes(352, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  bytes.append(static_cast<const char*>(voxels.data_ptr()), voxels.nbytes());
  if (path.extension() == ".gz") {
    libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
    std::string packed(libdeflate_gzip_compress_bound(compressor, bytes.size()), '\0');
    packed.resize(libdeflate_gzip_compress(compressor, bytes.data(), bytes.size(), packed.data(),
                                           packed.size()));
    libdeflate_free_compressor(compressor);
    bytes = packed;
  }
  write_file_atomically(path, bytes);
}

inline void write_nifti(const std::filesystem::path& path, const torch::Tensor& voxels) {
  write_nifti(path, voxels, made_header(voxels));
}

/// training/patientNNN/ with one pair of ED and one of ES, each 3 slices of 24 x 20.
inline void write_made_patient(const std::filesystem::path& root, int number,
                               const std::string& ed = "frame01",
                               const std::string& es = "frame12") {
  char name[16];
  std::snprintf(name, sizeof name, "patient%03d", number);
  const std::filesystem::path folder = root / "training" / name;
  std::filesystem::create_directories(folder);
  for (const std::string& frame : {ed, es}) {
    const torch::Tensor image =
        (torch::arange(3 * 24 * 20).reshape({3, 24, 20}) * (number + 3) % 997).to(torch::kInt16);
    const torch::Tensor labels = image.remainder(4).to(torch::kUInt8);
    write_nifti(folder / (std::string(name) + "_" + frame + ".nii.gz"), image);
    write_nifti(folder / (std::string(name) + "_" + frame + "_gt.nii.gz"), labels);
  }
}

}  // namespace medsweep::datasets
