#include "datasets/converters/dicom_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/files.h"
#include "tests/datasets/made_dicom.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::ThrowsMessage;

const std::filesystem::path kGolden = std::filesystem::path(MEDSWEEP_SOURCE_DIR) / "tests/golden";

nlohmann::json golden() { return nlohmann::json::parse(read_file(kGolden / "dicom.json")); }

torch::Tensor bytes(std::int64_t rows = 20, std::int64_t columns = 24) {
  return (torch::arange(rows * columns).reshape({rows, columns}) * 7 % 251).to(torch::kUInt8);
}
torch::Tensor words(std::int64_t rows = 20, std::int64_t columns = 24) {
  return (torch::arange(rows * columns).reshape({rows, columns}) * 37 % 4096).to(torch::kInt16);
}

class Dicom : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / "x.dcm"; }
  template <typename Error>
  void expect_refused(const std::string& reason) const {
    EXPECT_THAT([&] { read_dicom(file()); },
                ThrowsMessage<Error>(
                    AllOf(HasSubstr("/x.dcm]"), HasSubstr(reason), Not(HasSubstr("patient7")))));
  }
  TemporaryFolder folder_;
};

TEST(DicomGolden, EveryKindIsReadAsPydicomDoes) {
  const nlohmann::json numbers = golden();
  ASSERT_EQ(numbers["made"].size(), 12u);
  for (const auto& [name, wanted] : numbers["made"].items()) {
    const DicomImage image = read_dicom(kGolden / "dicom" / (name + ".dcm"));
    auto shape = wanted["shape"].get<std::vector<std::int64_t>>();  // [H, W] or [H, W, 3]
    torch::Tensor values =
        torch::tensor(wanted["values"].get<std::vector<double>>(), torch::kFloat64).reshape(shape);
    values = shape.size() == 3 ? values.permute({2, 0, 1}) : values.unsqueeze(0);
    EXPECT_TRUE(torch::equal(image.pixels.to(torch::kFloat64), values)) << name;
    EXPECT_EQ(image.identity, wanted["identity"]) << name;
    auto spacing = wanted["spacing"].get<std::vector<double>>();
    if (!spacing.empty()) spacing.insert(spacing.begin(), 1);
    EXPECT_EQ(image.spacing, spacing) << name;
  }
}

TEST(DicomGolden, AWindowIsPydicoms) {
  const nlohmann::json numbers = golden();
  int compared = 0;
  for (const auto& [name, wanted] : numbers["made"].items()) {
    if (!wanted.contains("windowed")) continue;
    const DicomImage image = read_dicom(kGolden / "dicom" / (name + ".dcm"),
                                        numbers["window"].get<std::vector<double>>());
    ASSERT_EQ(image.pixels.scalar_type(), torch::kUInt8);
    const torch::Tensor values =
        torch::tensor(wanted["windowed"].get<std::vector<double>>(), torch::kFloat64);
    EXPECT_LE((image.pixels.flatten() - values).abs().max().item<double>(), 0.5001) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 9);
}

TEST(DicomGolden, TypesAreTheNarrowestThatHoldThePixels) {
  const auto type = [](const std::string& name) {
    return read_dicom(kGolden / "dicom" / (name + ".dcm")).pixels.scalar_type();
  };
  EXPECT_EQ(type("explicit8"), torch::kUInt8);
  EXPECT_EQ(type("implicit12"), torch::kInt16);
  EXPECT_EQ(type("monochrome1"), torch::kFloat32);  // a slope of 0.5
}

TEST(DicomReal, EveryPixelIsPydicoms) {
  const std::filesystem::path data = real_data("rsna");
  if (data.empty()) GTEST_SKIP() << "the real RSNA images are absent (MEDSWEEP_TEST_DATA)";
  const nlohmann::json wanted = golden()["real"];
  int compared = 0;
  for (const char* folder : {"stage_2_train_images", "native"})
    for (const auto& entry : std::filesystem::directory_iterator(data / folder)) {
      if (entry.path().extension() != ".dcm") continue;
      const torch::Tensor pixels = read_dicom(entry.path()).pixels;
      EXPECT_EQ(sha256_hex({static_cast<const char*>(pixels.const_data_ptr()), pixels.nbytes()}),
                wanted[entry.path().filename().string()])
          << entry.path();
      ++compared;
    }
  EXPECT_EQ(compared, 69);
}

TEST(DicomReal, Monochrome1IsTheMirrorOfItsTwin) {
  const std::filesystem::path data = real_data("rsna/native");
  if (data.empty()) GTEST_SKIP() << "the real RSNA images are absent (MEDSWEEP_TEST_DATA)";
  const torch::Tensor bright =
      read_dicom(data / "1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819.dcm").pixels;
  EXPECT_TRUE(torch::equal(read_dicom(data / "Fake_MONOHR1.dcm").pixels, 255 - bright));
}

TEST_F(Dicom, LosslessKindsGiveThePixelsBack) {
  for (const E_TransferSyntax syntax :
       {EXS_LittleEndianImplicit, EXS_LittleEndianExplicit, EXS_BigEndianExplicit,
        EXS_DeflatedLittleEndianExplicit, EXS_JPEGProcess14, EXS_JPEGProcess14SV1}) {
    for (const torch::Tensor& values : {bytes(), bytes(7, 9), words(), words(7, 9)}) {
      MadeDicom(values).write(file(), syntax);
      EXPECT_TRUE(torch::equal(read_dicom(file()).pixels[0], values))
          << DcmXfer(syntax).getXferName() << values.sizes();
    }
  }
}

TEST_F(Dicom, LossyKindsComeClose) {
  const torch::Tensor smooth =
      (torch::arange(64).reshape({1, 64}) + torch::arange(64).reshape({64, 1})).to(torch::kUInt8);
  MadeDicom(smooth).write(file(), EXS_JPEGProcess1);
  const torch::Tensor eight = read_dicom(file()).pixels[0].to(torch::kInt16);
  EXPECT_LE((eight - smooth).abs().max().item<int>(), 3);
  MadeDicom(smooth.to(torch::kInt16) * 16).write(file(), EXS_JPEGProcess2_4);
  const torch::Tensor twelve = read_dicom(file()).pixels[0];
  EXPECT_EQ(twelve.scalar_type(), torch::kInt16);
  EXPECT_LE((twelve - smooth.to(torch::kInt16) * 16).abs().max().item<int>(), 48);
}

TEST_F(Dicom, BitsBesideThePixelsAreLeftAlone) {
  const torch::Tensor values = words();
  MadeDicom(values * 16 + 5).put(DCM_HighBit, 15).write(file());  // an overlay in the lowest bits
  EXPECT_TRUE(torch::equal(read_dicom(file()).pixels[0], values));
}

TEST_F(Dicom, SixteenBitsThatDoNotFitBecomeFloats) {
  MadeDicom(words() * 16).put(DCM_BitsStored, 16).put(DCM_HighBit, 15).write(file());
  const torch::Tensor pixels = read_dicom(file()).pixels;
  EXPECT_EQ(pixels.scalar_type(), torch::kFloat32);
  EXPECT_GT(pixels.max().item<float>(), 32767);
  EXPECT_GE(pixels.min().item<float>(), 0);
}

TEST_F(Dicom, ASlopeOfZeroMeansUnscaled) {
  MadeDicom(words()).put(DCM_RescaleSlope, "0").put(DCM_RescaleIntercept, "7").write(file());
  EXPECT_TRUE(torch::equal(read_dicom(file()).pixels[0], words()));
}

TEST_F(Dicom, TheHeadersWindowIsTakenWhereAsked) {
  MadeDicom(words())
      .put(DCM_WindowCenter, "1000\\40")
      .put(DCM_WindowWidth, "800\\80")
      .write(file());
  EXPECT_EQ(read_dicom(file()).pixels.scalar_type(), torch::kInt16);
  const torch::Tensor shown = read_dicom(file(), {0, 0}).pixels;
  EXPECT_EQ(shown.scalar_type(), torch::kUInt8);
  EXPECT_TRUE(torch::equal(shown, read_dicom(file(), {1000, 800}).pixels));
  EXPECT_EQ(shown.min().item<int>(), 0);
  EXPECT_EQ(shown.max().item<int>(), 255);
  MadeDicom(words()).write(file());
  EXPECT_EQ(read_dicom(file(), {0, 0}).pixels.scalar_type(), torch::kInt16);
}

TEST_F(Dicom, AWindowOfOneIsAThreshold) {
  MadeDicom(words()).write(file());
  EXPECT_TRUE(torch::equal(read_dicom(file(), {100, 1}).pixels[0].eq(255), words().ge(100)));
}

TEST_F(Dicom, ABadWindowIsRefused) {
  for (const std::vector<double>& window :
       {std::vector<double>{1}, {1, 0.5}, {1, -2}, {1, 2, 3}, {NAN, 2}})
    EXPECT_THROW(read_dicom(file(), window), std::invalid_argument);
}

TEST_F(Dicom, SpacingThatIsNoneIsUnknown) {
  MadeDicom(bytes()).put(DCM_PixelSpacing, "0\\0").write(file());
  EXPECT_THAT(read_dicom(file()).spacing, IsEmpty());
  MadeDicom(bytes())
      .put(DCM_PixelSpacing, "")
      .put(DCM_ImagerPixelSpacing, "0.2\\0.1")
      .write(file());
  EXPECT_THAT(read_dicom(file()).spacing, ElementsAre(1, 0.2, 0.1));
}

TEST_F(Dicom, TextsInThePixelsAreKnownFromTheHeader) {
  MadeDicom(bytes()).write(file());
  EXPECT_FALSE(has_burned_in_annotation(file()));
  MadeDicom(bytes()).put(DCM_BurnedInAnnotation, "NO").write(file());
  EXPECT_FALSE(has_burned_in_annotation(file()));
  MadeDicom(bytes()).put(DCM_BurnedInAnnotation, "YES").write(file(), EXS_JPEGProcess1);
  EXPECT_TRUE(has_burned_in_annotation(file()));
}

TEST_F(Dicom, SeveralFramesAreRefused) {
  MadeDicom(bytes()).put(DCM_NumberOfFrames, "2").write(file());
  expect_refused<std::invalid_argument>("2 frames; one is allowed");
}

TEST_F(Dicom, WithoutPixelsItIsNoImage) {
  MadeDicom dicom(bytes());
  dicom.data().findAndDeleteElement(DCM_PixelData);
  dicom.write(file());
  expect_refused<std::invalid_argument>("a DICOM without pixels; an image is needed");
  dicom.data().findAndDeleteElement(DCM_Rows);
  dicom.write(file());
  expect_refused<std::invalid_argument>("a DICOM without Rows; an image is needed");
}

TEST_F(Dicom, ZeroSizeIsRefused) {
  MadeDicom(bytes()).put(DCM_Columns, 0).write(file());
  expect_refused<std::invalid_argument>("an image of zero size: Columns is 0");
}

TEST_F(Dicom, KindsOfPixelsThatAreNotReadAreNamed) {
  MadeDicom(bytes()).put(DCM_PhotometricInterpretation, "patient7").write(file());
  expect_refused<std::invalid_argument>("photometric interpretation is none of MONOCHROME1");
  MadeDicom(bytes()).put(DCM_SamplesPerPixel, 3).write(file());
  expect_refused<std::invalid_argument>("3 samples a pixel; MONOCHROME2 is 1");
  MadeDicom(bytes()).put(DCM_BitsStored, 12).write(file());
  expect_refused<std::invalid_argument>("these disagree");
  MadeDicom(bytes()).put(DCM_BitsAllocated, 1).write(file());
  expect_refused<std::invalid_argument>("1 bits for a sample");
}

TEST_F(Dicom, AnUnreadTransferSyntaxIsNamed) {
  MadeDicom(bytes()).write(file(), EXS_JPEGProcess1);
  std::string content = read_file(file());
  const std::size_t place = content.find("1.2.840.10008.1.2.4.50");
  ASSERT_NE(place, std::string::npos);
  content.replace(place + 20, 2, "90");
  write_file_atomically(file(), content);
  expect_refused<std::invalid_argument>("pixels in JPEG 2000");
}

TEST_F(Dicom, WhatIsNoDicomIsNamed) {
  EXPECT_THAT([&] { read_dicom(file()); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("x.dcm] no such file")));
  for (const std::string& content :
       {std::string(), std::string(200, 'x'), std::string(128, '\0') + "DIC"}) {
    write_file_atomically(file(), content);
    expect_refused<std::invalid_argument>("no DICOM file: the letters DICM are missing");
  }
}

TEST_F(Dicom, ATruncatedFileIsNamedWhereverItEnds) {
  for (const E_TransferSyntax syntax : {EXS_LittleEndianExplicit, EXS_LittleEndianImplicit,
                                        EXS_JPEGProcess1, EXS_JPEGProcess14SV1}) {
    MadeDicom(bytes(64, 64)).write(file(), syntax);
    const std::string whole = read_file(file());
    for (std::size_t size = 132; size < whole.size(); size += 61) {
      write_file_atomically(file(), whole.substr(0, size));
      EXPECT_THROW(read_dicom(file()), std::exception)
          << DcmXfer(syntax).getXferName() << " " << size << " of " << whole.size();
    }
    write_file_atomically(file(), whole.substr(0, whole.size() - 400));
    expect_refused<std::runtime_error>("cannot be read as DICOM, truncated or damaged");
  }
}

TEST_F(Dicom, ThreadsReadTheSamePixels) {
  MadeDicom(bytes(64, 64)).write(file(), EXS_JPEGProcess1);
  const torch::Tensor wanted = read_dicom(file()).pixels;
  std::vector<std::future<torch::Tensor>> threads;
  for (int i = 0; i < 8; ++i)
    threads.push_back(std::async(std::launch::async, [this] { return read_dicom(file()).pixels; }));
  for (auto& thread : threads) EXPECT_TRUE(torch::equal(thread.get(), wanted));
}

}  // namespace
}  // namespace medsweep::datasets
