// DICOM as a library of its own, opened by dicom_image.cpp where such a file is to be read: DCMTK
// brings its dictionary along (0.1 s, 20 MB), which only `prepare` needs.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/oflog/oflog.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "datasets/converters/dicom_file.h"

namespace medsweep::datasets {
namespace {

constexpr std::array kTransferSyntaxes{EXS_LittleEndianImplicit, EXS_LittleEndianExplicit,
                                       EXS_BigEndianExplicit,    EXS_DeflatedLittleEndianExplicit,
                                       EXS_RLELossless,          EXS_JPEGProcess1,
                                       EXS_JPEGProcess2_4,       EXS_JPEGProcess14,
                                       EXS_JPEGProcess14SV1};

/// Once a process. DCMTK's log would print what headers say.
void prepare_dicom() {
  static const bool done = [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DJDecoderRegistration::registerCodecs();
    DcmRLEDecoderRegistration::registerCodecs();
    return true;
  }();
  if (!done || !dcmDataDict.isDictionaryLoaded())
    throw std::runtime_error("[DICOM] DCMTK finds no dictionary; DCMDICTPATH names its dicom.dic");
}

/// Where a file goes wrong. Its name is all that an error says of it.
class DicomReader {
 public:
  DicomReader(const std::string& path, DicomPart part) : path_(path) {
    check_letters();
    const OFCondition loaded =
        part == DicomPart::kAll
            ? format_.loadFile(path.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength,
                               ERM_fileOnly)
            : format_.loadFileUntilTag(path.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength,
                                       ERM_fileOnly, DCM_PixelData);
    if (loaded.bad()) damaged(loaded.text());
  }

  void read_header(DicomFile& file) {
    file.rows = count(DCM_Rows, "Rows");
    file.columns = count(DCM_Columns, "Columns");
    file.channels = number(DCM_SamplesPerPixel, 1);
    file.bits = number(DCM_BitsStored, number(DCM_BitsAllocated, 0));
    file.is_signed = number(DCM_PixelRepresentation, 0) == 1;
    read_rescale(file);
    read_spacing(file);
    file.burned_in_annotation = text(DCM_BurnedInAnnotation) == "YES";
    file.patient_id = text(DCM_PatientID);
    file.accession = text(DCM_AccessionNumber);
    file.study = text(DCM_StudyInstanceUID);
    file.series = text(DCM_SeriesInstanceUID);
    check_frames();
  }

  /// After read_header; the colours of a JPEG become red, green and blue by decoding.
  void read_pixels(DicomFile& file) {
    if (!dataset().tagExists(DCM_PixelData)) refuse("a DICOM without pixels; an image is needed");
    decode();
    const std::string kind = text(DCM_PhotometricInterpretation);
    check_pixels(file, kind);
    file.dark_is_high = kind == "MONOCHROME1";
    copy_values(file);
    if (kind == "YBR_FULL") to_rgb(file);
  }

 private:
  DcmDataset& dataset() { return *format_.getDataset(); }

  [[noreturn]] void refuse(const std::string& what) const {
    throw std::invalid_argument(fmt::format("[{}] {}", path_, what));
  }
  [[noreturn]] void damaged(const std::string& what) const {
    throw std::runtime_error(
        fmt::format("[{}] cannot be read as DICOM, truncated or damaged: {}", path_, what));
  }

  void check_letters() const {
    if (!std::filesystem::is_regular_file(path_)) refuse("no such file");
    std::ifstream stream(path_, std::ios::binary);
    std::array<char, 132> bytes{};
    if (!stream.read(bytes.data(), bytes.size()) ||
        std::string_view(bytes.data() + 128, 4) != "DICM")
      refuse("no DICOM file: the letters DICM are missing at byte 128");
  }

  std::string text(const DcmTagKey& tag) {
    OFString found;
    dataset().findAndGetOFString(tag, found);
    return {found.c_str(), found.size()};
  }
  std::int64_t number(const DcmTagKey& tag, std::int64_t otherwise) {
    Uint16 found = 0;
    return dataset().findAndGetUint16(tag, found).good() ? found : otherwise;
  }
  std::int64_t count(const DcmTagKey& tag, const char* name) {
    const std::int64_t found = number(tag, -1);
    if (found < 0) refuse(fmt::format("a DICOM without {}; an image is needed", name));
    if (found == 0) refuse(fmt::format("an image of zero size: {} is 0", name));
    return found;
  }
  /// `values` numbers of an element, or none.
  std::vector<double> numbers(const DcmTagKey& tag, unsigned long values) {
    std::vector<double> found(values);
    for (unsigned long i = 0; i < values; ++i)
      if (dataset().findAndGetFloat64(tag, found[i], i).bad() || !std::isfinite(found[i]))
        return {};
    return found;
  }

  void read_rescale(DicomFile& file) {
    const auto slope = numbers(DCM_RescaleSlope, 1), intercept = numbers(DCM_RescaleIntercept, 1);
    if (!slope.empty() && slope[0] != 0 && !intercept.empty()) {
      file.slope = slope[0];
      file.intercept = intercept[0];
    }
    const auto center = numbers(DCM_WindowCenter, 1), width = numbers(DCM_WindowWidth, 1);
    if (!center.empty() && !width.empty() && width[0] >= 1) file.window = {center[0], width[0]};
  }

  void read_spacing(DicomFile& file) {
    for (const DcmTagKey& tag : {DCM_PixelSpacing, DCM_ImagerPixelSpacing}) {
      file.spacing = numbers(tag, 2);
      if (!file.spacing.empty() && std::ranges::min(file.spacing) > 0) return;
    }
    file.spacing.clear();
  }

  void check_frames() {
    Sint32 frames = 1;
    if (dataset().findAndGetSint32(DCM_NumberOfFrames, frames).good() && frames > 1)
      refuse(fmt::format("{} frames; one is allowed", frames));
  }

  void decode() {
    const E_TransferSyntax syntax = dataset().getOriginalXfer();
    if (std::ranges::find(kTransferSyntaxes, syntax) == kTransferSyntaxes.end())
      refuse(fmt::format(
          "pixels in {}; uncompressed ones, RLE, JPEG baseline, extended and "
          "lossless are allowed",
          syntax == EXS_Unknown ? "an unknown transfer syntax" : DcmXfer(syntax).getXferName()));
    const OFCondition decoded = dataset().chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
    if (decoded.bad()) damaged(decoded.text());
  }

  void check_pixels(const DicomFile& file, const std::string& kind) {
    const std::int64_t channels = kind == "MONOCHROME1" || kind == "MONOCHROME2" ? 1 : 3;
    if (channels == 3 && kind != "RGB" && kind != "YBR_FULL")
      refuse("its photometric interpretation is none of MONOCHROME1, MONOCHROME2, RGB, YBR_FULL");
    if (file.channels != channels)
      refuse(fmt::format("{} samples a pixel; {} is {}", file.channels, kind, channels));
    const std::int64_t allocated = number(DCM_BitsAllocated, 0);
    if ((allocated != 8 && allocated != 16) || (channels == 3 && allocated != 8))
      refuse(fmt::format("{} bits for a sample of {}; 8, or 16 of grey, are allowed", allocated,
                         kind));
    const std::int64_t high = number(DCM_HighBit, file.bits - 1);
    if (file.bits < 1 || file.bits > high + 1 || high >= allocated)
      refuse(fmt::format("{} bits, the highest is {}, in {}: these disagree", file.bits, high,
                         allocated));
  }

  template <typename Stored>
  void copy_stored(DicomFile& file, const Stored* stored) {
    const std::int64_t pixels = file.rows * file.columns;
    const auto shift = number(DCM_HighBit, file.bits - 1) + 1 - file.bits;
    const std::int32_t limit = std::int32_t{1} << file.bits;
    const bool planes = number(DCM_PlanarConfiguration, 0) == 1;
    file.values.resize(static_cast<std::size_t>(pixels * file.channels));
    std::size_t next = 0;
    for (std::int64_t channel = 0; channel < file.channels; ++channel)
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
        const std::int64_t from =
            planes ? channel * pixels + pixel : pixel * file.channels + channel;
        const std::int32_t value = (stored[from] >> shift) & (limit - 1);
        file.values[next++] = file.is_signed && value >= limit / 2 ? value - limit : value;
      }
  }

  void copy_values(DicomFile& file) {
    const auto needed = static_cast<unsigned long>(file.rows * file.columns * file.channels);
    const Uint8* bytes = nullptr;
    const Uint16* words = nullptr;
    unsigned long found = 0;
    const bool wide = number(DCM_BitsAllocated, 0) == 16;
    const OFCondition got = wide ? dataset().findAndGetUint16Array(DCM_PixelData, words, &found)
                                 : dataset().findAndGetUint8Array(DCM_PixelData, bytes, &found);
    if (got.bad()) damaged(got.text());
    if (found < needed) damaged(fmt::format("{} values of pixels, {} are needed", found, needed));
    wide ? copy_stored(file, words) : copy_stored(file, bytes);
  }

  /// PS3.3 C.7.6.3.1.2: full range, chroma about 128.
  static void to_rgb(DicomFile& file) {
    const auto pixels = file.values.size() / 3;
    const auto byte = [](double value) {
      return static_cast<std::int32_t>(std::lround(std::clamp(value, 0.0, 255.0)));
    };
    for (std::size_t i = 0; i < pixels; ++i) {
      const double y = file.values[i], blue = file.values[i + pixels] - 128,
                   red = file.values[i + 2 * pixels] - 128;
      file.values[i] = byte(y + 1.402 * red);
      file.values[i + pixels] = byte(y - 0.344136 * blue - 0.714136 * red);
      file.values[i + 2 * pixels] = byte(y + 1.772 * blue);
    }
  }

  std::string path_;
  DcmFileFormat format_;
};

}  // namespace
}  // namespace medsweep::datasets

extern "C" void medsweep_read_dicom(const std::string& path, medsweep::datasets::DicomPart part,
                                    medsweep::datasets::DicomFile& file) {
  using namespace medsweep::datasets;
  prepare_dicom();
  DicomReader reader(path, part);
  reader.read_header(file);
  if (part == DicomPart::kAll) reader.read_pixels(file);
}
