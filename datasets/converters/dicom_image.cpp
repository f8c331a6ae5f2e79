#include "datasets/converters/dicom_image.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <cmath>
#include <stdexcept>

#include "datasets/converters/dicom_file.h"
#include "datasets/converters/module.h"

namespace medsweep::datasets {
namespace {

DicomFile read_dicom_file(const std::filesystem::path& path, DicomPart part) {
  static const auto read = reinterpret_cast<ReadDicomFile>(
      module_function("libmedsweep_dicom.so", "medsweep_read_dicom"));
  DicomFile file;
  read(path.string(), part, file);
  return file;
}

bool is_whole(double value) { return std::nearbyint(value) == value; }

/// What a value is mirrored at, so that the range of the bits stays.
std::int64_t sum_of_ends(const DicomFile& file) {
  return file.is_signed ? -1 : (std::int64_t{1} << file.bits) - 1;
}

torch::Tensor rescaled(const DicomFile& file, const torch::Tensor& stored) {
  const bool scaled = file.slope != 1 || file.intercept != 0;
  if (!scaled && file.bits <= 8 && !file.is_signed) return stored.to(torch::kUInt8);
  const torch::Tensor values = stored.to(torch::kFloat64) * file.slope + file.intercept;
  const bool small = values.min().item<double>() >= -32768 && values.max().item<double>() <= 32767;
  if (small && is_whole(file.slope) && is_whole(file.intercept)) return values.to(torch::kInt16);
  return values.to(torch::kFloat32);
}

/// PS3.3 C.11.2.1.2.1, the function LINEAR, to 0 ... 255.
torch::Tensor windowed(const DicomFile& file, const torch::Tensor& stored, double center,
                       double width) {
  const torch::Tensor values = stored.to(torch::kFloat64) * file.slope + file.intercept;
  if (width == 1) return values.gt(center - 0.5).to(torch::kUInt8) * 255;
  const torch::Tensor shown = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255;
  return shown.clamp(0, 255).round().to(torch::kUInt8);
}

torch::Tensor pixels_of(const DicomFile& file, std::vector<double> window) {
  const torch::Tensor stored =
      torch::tensor(file.values, torch::kInt32).reshape({file.channels, file.rows, file.columns});
  if (!window.empty() && window[1] == 0) window = file.window;
  if (file.channels > 1 || window.empty())
    return rescaled(file, file.dark_is_high ? sum_of_ends(file) - stored : stored).contiguous();
  const torch::Tensor shown = windowed(file, stored, window[0], window[1]);
  return file.dark_is_high ? 255 - shown : shown;
}

}  // namespace

void check_window(const std::vector<double>& window) {
  if (window.empty()) return;
  if (window.size() != 2 || !std::isfinite(window[0]) || !std::isfinite(window[1]) ||
      (window[1] != 0 && window[1] < 1))
    throw std::invalid_argument(
        fmt::format("[window] {}; a centre and a width are allowed, the width 1 or more, or 0 for "
                    "each header's own window",
                    fmt::join(window, ", ")));
}

DicomImage read_dicom(const std::filesystem::path& path, const std::vector<double>& window) {
  check_window(window);
  const DicomFile file = read_dicom_file(path, DicomPart::kAll);
  DicomImage image;
  image.pixels = pixels_of(file, window);
  if (!image.pixels.isfinite().all().item<bool>())
    throw std::invalid_argument(
        fmt::format("[{}] rescaled values are not finite; finite ones are allowed", path.string()));
  if (!file.spacing.empty()) image.spacing = {1, file.spacing[0], file.spacing[1]};
  image.identity = file.patient_id;
  return image;
}

bool has_burned_in_annotation(const std::filesystem::path& path) {
  return read_dicom_file(path, DicomPart::kHeader).burned_in_annotation;
}

}  // namespace medsweep::datasets
