#include "datasets/converters/manifest_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <array>
#include <fstream>
#include <limits>
#include <stdexcept>

#include "datasets/converters/dicom_image.h"
#include "datasets/converters/nifti_volume.h"
#include "datasets/converters/numpy_array.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostChannelsLast = 4;

enum class AnyFormat { kNifti, kNumpy, kDicom, kPicture };

AnyFormat any_format(const fs::path& path) {
  if (!fs::is_regular_file(path))
    throw std::invalid_argument(fmt::format("[{}] no such file", path.string()));
  const std::string ending = ending_of(path);
  if (ending == ".nii" || ending == ".nii.gz") return AnyFormat::kNifti;
  if (ending == ".npy") return AnyFormat::kNumpy;
  return ending == ".dcm" || is_dicom(path) ? AnyFormat::kDicom : AnyFormat::kPicture;
}

/// In the narrowest type that a data file has for it.
torch::Tensor narrowed(const torch::Tensor& values) {
  if (values.scalar_type() != torch::kInt64) return values;
  using Limits = std::numeric_limits<std::int16_t>;
  const bool fits = values.min().item<std::int64_t>() >= Limits::min() &&
                    values.max().item<std::int64_t>() <= Limits::max();
  return values.to(fits ? torch::kInt16 : torch::kFloat32);
}

[[noreturn]] void refuse_shape(const torch::Tensor& array, const fs::path& path,
                               const char* allowed) {
  throw std::invalid_argument(fmt::format("[{}] an array of {}; {} is allowed", path.string(),
                                          fmt::join(array.sizes(), " x "), allowed));
}

/// [C, D, H, W]
torch::Tensor arranged_array(const torch::Tensor& array, const fs::path& path,
                             std::int64_t dimension) {
  if (dimension == 3) {
    if (array.dim() == 3) return array.unsqueeze(0);
    if (array.dim() == 4) return array;
    refuse_shape(array, path, "[D, H, W] or [C, D, H, W]");
  }
  if (array.dim() == 2) return array.unsqueeze(0).unsqueeze(0);
  if (array.dim() != 3) refuse_shape(array, path, "[H, W], [C, H, W] or [H, W, C]");
  const bool last = array.size(2) <= kMostChannelsLast && array.size(0) > kMostChannelsLast;
  return (last ? array.permute({2, 0, 1}) : array).unsqueeze(1);
}

/// [D, H, W] whole numbers as int32; what no code can be stays unknown to a label map.
torch::Tensor whole_numbers(const torch::Tensor& values, const fs::path& path) {
  if (values.is_floating_point() && values.ne(values.round()).any().item<bool>())
    throw std::invalid_argument(
        fmt::format("[{}] labels that are no whole numbers; codes are needed", path.string()));
  const torch::Tensor wide = values.is_floating_point() ? values : values.to(torch::kInt64);
  return wide.clamp(-1, std::numeric_limits<std::int16_t>::max() * 4).to(torch::kInt32);
}

AnyImage codes_of_array(const torch::Tensor& array, const fs::path& path) {
  if (array.dim() != 2 && array.dim() != 3) refuse_shape(array, path, "[H, W] or [D, H, W]");
  return {.voxels = whole_numbers(array.dim() == 2 ? array.unsqueeze(0) : array, path)};
}

}  // namespace

bool is_dicom(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::array<char, 132> bytes{};
  return stream.read(bytes.data(), bytes.size()) &&
         std::string_view(bytes.data() + 128, 4) == "DICM";
}

AnyImage read_any_image(const fs::path& path, const AnyImageOptions& options) {
  switch (any_format(path)) {
    case AnyFormat::kNifti: {
      const NiftiVolume volume = read_nifti_channels(path);
      return {.voxels = volume.voxels, .geometry = {volume.spacing, volume.affine}};
    }
    case AnyFormat::kNumpy: {
      torch::Tensor array = arranged_array(narrowed(read_npy(path)), path, options.dimension);
      return {.voxels = array.contiguous()};
    }
    case AnyFormat::kDicom: {
      const DicomImage image = read_dicom(path, options.window);
      return {.voxels = image.pixels.unsqueeze(1),
              .geometry = {image.spacing, {}},
              .identity = image.identity};
    }
    case AnyFormat::kPicture:
      break;
  }
  return {.voxels = read_image(path, options.color).unsqueeze(1)};
}

AnyImage read_any_codes(const fs::path& path) {
  switch (any_format(path)) {
    case AnyFormat::kNifti: {
      const NiftiVolume volume = read_nifti_codes(path);
      return {.voxels = volume.voxels, .geometry = {volume.spacing, volume.affine}};
    }
    case AnyFormat::kNumpy:
      return codes_of_array(read_npy(path), path);
    case AnyFormat::kDicom:
      return codes_of_array(read_dicom(path).pixels, path);
    case AnyFormat::kPicture:
      break;
  }
  return {.voxels = read_label_image(path).unsqueeze(0)};
}

AnyImage read_any_mask(const fs::path& path) {
  if (any_format(path) == AnyFormat::kPicture) return {.voxels = read_mask(path).unsqueeze(0)};
  AnyImage codes = read_any_codes(path);
  codes.voxels = codes.voxels.ne(0).to(torch::kUInt8);
  return codes;
}

}  // namespace medsweep::datasets
