#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace medsweep::datasets {

/// What leaves the library that reads DICOM: this is the allow-list. Names, dates, descriptions and
/// all other elements stay inside; who it is of only comes out to be hashed.
struct DicomFile {
  std::int64_t rows = 0, columns = 0;
  std::int64_t channels = 1;  ///< 3: red, green, blue
  std::int64_t bits = 8;      ///< that count, of each pixel
  bool is_signed = false;
  bool dark_is_high = false;          ///< MONOCHROME1
  double slope = 1, intercept = 0;    ///< of the modality: stored * slope + intercept
  std::vector<double> window{};       ///< centre and width, the first one; empty: none
  std::vector<double> spacing{};      ///< mm between rows, between columns; empty: unknown
  bool burned_in_annotation = false;  ///< the header says that texts are drawn into the pixels
  std::string patient_id{}, accession{}, study{}, series{};  ///< never to be stored
  std::vector<std::int32_t> values{};  ///< [channels, rows, columns], as stored
};

enum class DicomPart { kHeader, kAll };  ///< kHeader: without values, and the file is not read on

/// medsweep_read_dicom of libmedsweep_dicom.so (dicom_module.cpp). Taken are DICOM files with one
/// frame of 8 or 16 bits a pixel: uncompressed (implicit and explicit, both byte orders, deflated),
/// RLE, JPEG baseline, extended and lossless; grey, RGB, YBR_FULL.
///
/// Throws std::invalid_argument for another kind of file or pixels, std::runtime_error for one that
/// is truncated or damaged. The text names the file and nothing that the header says about people.
/// Any thread may call it.
using ReadDicomFile = void (*)(const std::string& path, DicomPart part, DicomFile& file);

}  // namespace medsweep::datasets
