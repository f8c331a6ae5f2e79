#pragma once

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpeg/djrplol.h>
#include <dcmtk/dcmjpeg/djrploss.h>
#include <torch/torch.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace medsweep::datasets {

/// A DICOM of [H, W] uint8 or int16 values (int16 means unsigned here: 12 bits stored) as the RSNA
/// challenge has them, but for what a test changes through `data()`.
class MadeDicom {
 public:
  explicit MadeDicom(const torch::Tensor& values, const std::string& patient = "patient7") {
    const torch::Tensor pixels = values.contiguous();
    const bool wide = pixels.scalar_type() == torch::kInt16;
    data().putAndInsertString(DCM_SOPClassUID, UID_SecondaryCaptureImageStorage);
    data().putAndInsertString(DCM_SOPInstanceUID, "1.2.3.4");
    data().putAndInsertString(DCM_PatientID, patient.c_str());
    data().putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME2");
    put(DCM_Rows, pixels.size(0));
    put(DCM_Columns, pixels.size(1));
    put(DCM_SamplesPerPixel, 1);
    put(DCM_BitsAllocated, wide ? 16 : 8);
    put(DCM_BitsStored, wide ? 12 : 8);
    put(DCM_HighBit, wide ? 11 : 7);
    put(DCM_PixelRepresentation, 0);
    const auto count = static_cast<unsigned long>(pixels.numel());
    const OFCondition put_pixels =
        wide ? data().putAndInsertUint16Array(
                   DCM_PixelData, static_cast<const Uint16*>(pixels.const_data_ptr()), count)
             : data().putAndInsertUint8Array(
                   DCM_PixelData, static_cast<const Uint8*>(pixels.const_data_ptr()), count);
    check(put_pixels);
  }

  DcmDataset& data() { return *format_.getDataset(); }
  MadeDicom& put(const DcmTagKey& tag, std::int64_t value) {
    check(data().putAndInsertUint16(tag, static_cast<Uint16>(value)));
    return *this;
  }
  MadeDicom& put(const DcmTagKey& tag, const std::string& value) {
    check(data().putAndInsertString(tag, value.c_str()));
    return *this;
  }

  void write(const std::filesystem::path& path,
             E_TransferSyntax syntax = EXS_LittleEndianExplicit) {
    static const bool registered = [] {
      DJEncoderRegistration::registerCodecs();
      return true;
    }();
    const DJ_RPLossless lossless;
    const DJ_RPLossy lossy(90);
    const bool loses = syntax == EXS_JPEGProcess1 || syntax == EXS_JPEGProcess2_4;
    if (!registered) throw std::runtime_error("[test] no encoders");
    check(data().chooseRepresentation(
        syntax, loses ? static_cast<const DcmRepresentationParameter*>(&lossy) : &lossless));
    check(format_.saveFile(path.c_str(), syntax));
  }

 private:
  static void check(const OFCondition& condition) {
    if (condition.bad()) throw std::runtime_error(std::string("[test] ") + condition.text());
  }
  DcmFileFormat format_;
};

}  // namespace medsweep::datasets
