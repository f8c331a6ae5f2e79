#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace medsweep::datasets {

/// A DICOM image: pixels as a person would see them, bright is bright, and what is allowed to leave
/// its header.
struct DicomImage {
  torch::Tensor pixels;           ///< [C, H, W], C = 1 or 3: uint8, int16 or float32
  std::vector<double> spacing{};  ///< mm along [D, H, W], D = 1; empty where unknown
  std::string identity{};         ///< PatientID, to be hashed and never stored; may be empty
};

/// Reads one. Values are stored * slope + intercept: 8 bits stay uint8, whole numbers that fit
/// become int16, others float32. MONOCHROME1 is turned over within the range of its bits before
/// that, so that it is as its MONOCHROME2 twin.
///
/// `window` is centre and width in these values (without the turning): they become 0 to 255, uint8,
/// as PS3.3 C.11.2.1.2.1 has it; MONOCHROME1 is turned over after that. A width of 0 asks for the
/// header's own window, and an image without one is as without `window`. Empty: no window.
///
/// Spacing is PixelSpacing, else ImagerPixelSpacing, at the detector. Kinds of files and errors are
/// those of dicom_file.h; any thread may call it.
DicomImage read_dicom(const std::filesystem::path& path, const std::vector<double>& window = {});

/// Whether the header says that texts, perhaps a name, are drawn into the pixels
/// (BurnedInAnnotation YES). Reads the file up to its pixels. Throws as read_dicom.
bool has_burned_in_annotation(const std::filesystem::path& path);

/// Throws std::invalid_argument unless `window` is empty or two numbers, the width 0, or 1 or more.
void check_window(const std::vector<double>& window);

}  // namespace medsweep::datasets
