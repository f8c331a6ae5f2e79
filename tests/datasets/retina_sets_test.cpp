#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libdeflate.h>

#include "base/files.h"
#include "datasets/converters/chase_db1.h"
#include "datasets/converters/drive.h"
#include "datasets/converters/image_files.h"
#include "datasets/converters/retina_field.h"
#include "datasets/converters/stare.h"
#include "tests/datasets/made_images.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::ThrowsMessage;

constexpr std::int64_t kFundusHeight = 60, kFundusWidth = 70;

/// 1 in a disc around the middle.
torch::Tensor fundus_disc(double radius) {
  const torch::Tensor y = torch::arange(kFundusHeight).unsqueeze(1) - kFundusHeight / 2;
  const torch::Tensor x = torch::arange(kFundusWidth).unsqueeze(0) - kFundusWidth / 2;
  return (x * x + y * y).le(radius * radius).to(torch::kUInt8);
}

/// A reddish disc on a surround that is nearly black.
torch::Tensor made_fundus(int number) {
  const torch::Tensor inside = fundus_disc(25);
  const torch::Tensor noise =
      (torch::arange(kFundusHeight * kFundusWidth).reshape({kFundusHeight, kFundusWidth}) *
       (31 + number))
          .remainder(6);
  return torch::stack({noise + inside * 150, noise + inside * 80, noise + inside * 30})
      .to(torch::kUInt8);
}

torch::Tensor made_vessels(int number) {
  return torch::arange(kFundusHeight * kFundusWidth)
      .reshape({kFundusHeight, kFundusWidth})
      .div(number + 3, "floor")
      .remainder(2)
      .mul(255)
      .to(torch::kUInt8);
}

TEST(RetinaField, IsTheDiscOnItsDarkSurround) {
  EXPECT_TRUE(torch::equal(retina_field(made_fundus(1)), fundus_disc(25)));
}

TEST(RetinaField, HolesAreFilledAndSpecksLeftOut) {
  torch::Tensor image = made_fundus(1);
  image.slice(1, 28, 32).slice(2, 30, 35).zero_();   // a dark vessel, a fovea
  image.slice(1, 30, 33).slice(2, 1, 4).fill_(200);  // a reflection outside
  EXPECT_TRUE(torch::equal(retina_field(image), fundus_disc(25)));
}

TEST(RetinaField, WithoutADarkSurroundAllIsInside) {
  const torch::Tensor image = torch::full({3, kFundusHeight, kFundusWidth}, 90, torch::kUInt8);
  EXPECT_EQ(retina_field(image).sum().item<std::int64_t>(), kFundusHeight * kFundusWidth);
}

TEST(RetinaFieldReal, AgreesWithDrivesMasks) {
  const std::filesystem::path source = real_data("drive");
  if (source.empty()) GTEST_SKIP() << "the real DRIVE images are absent (MEDSWEEP_TEST_DATA)";
  for (const auto& [name, sample] : samples_of(plan_drive({.source = source}))) {
    const torch::Tensor field = retina_field(sample.image).to(torch::kBool);
    const torch::Tensor given = sample.field_of_view.to(torch::kBool);
    const auto both = field.logical_and(given).sum().item<double>();
    EXPECT_GT(both / field.logical_or(given).sum().item<double>(), 0.985) << name;
  }
}

class ChaseDb1 : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"Image_01L", "Image_01R", "Image_02L"}) add(name);
  }
  void add(const std::string& name) const {
    const int number = name.back();
    write_made_image(folder_ / (name + ".jpg"), made_fundus(number));
    write_made_image(folder_ / (name + "_1stHO.png"), made_vessels(number));
    write_made_image(folder_ / (name + "_2ndHO.png"), made_vessels(number + 1));
  }
  ConversionPlan plan() const { return plan_chase_db1({.source = folder_.path()}); }
  TemporaryFolder folder_;
};

TEST_F(ChaseDb1, BothEyesAreOnePatient) {
  const auto samples = samples_of(plan());
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples.at("Image_01L").id.patient, "Image_01");
  EXPECT_EQ(samples.at("Image_01R").id.patient, "Image_01");
  EXPECT_EQ(samples.at("Image_02L").id.patient, "Image_02");
  EXPECT_EQ(samples.at("Image_02L").id.case_name, "Image_02L");
  EXPECT_EQ(samples.at("Image_02L").id.source, "chase_db1");
}

TEST_F(ChaseDb1, BothObserversAndAFieldOfViewAreKept) {
  const ConversionPlan found = plan();
  EXPECT_EQ(found.header.channels, 3);
  EXPECT_THAT(found.header.classes, ElementsAre("vessel"));
  const RawSample sample = samples_of(found).at("Image_01L");
  const int number = 'L';
  EXPECT_TRUE(torch::equal(sample.labels, made_vessels(number).ne(0).to(torch::kUInt8)));
  EXPECT_TRUE(
      torch::equal(sample.second_observer, made_vessels(number + 1).ne(0).to(torch::kUInt8)));
  EXPECT_GT(sample.field_of_view.eq(fundus_disc(25)).to(torch::kFloat32).mean().item<double>(),
            0.97);
  EXPECT_THAT(sample.id.spacing, testing::IsEmpty());
  EXPECT_THAT(found.notes, Contains(HasSubstr("the field of view is not distributed")));
  EXPECT_EQ(found.items[0].files.size(), 3u);
}

TEST_F(ChaseDb1, OtherSizesThanPublishedAreNoted) {
  EXPECT_THAT(plan().notes, Contains(AllOf(StartsWith("3 images are not 999 x 960 pixels"),
                                           HasSubstr("Image_01L.jpg, Image_01R.jpg"))));
}

TEST_F(ChaseDb1, ADrawingOfOneBitOrWithGreyEdgesIsThresholded) {
  torch::Tensor levels = made_vessels('L');
  levels[0][0] = 127;
  levels[0][1] = 128;
  write_made_image(folder_ / "Image_02L_1stHO.png", levels);
  const torch::Tensor labels = samples_of(plan()).at("Image_02L").labels;
  EXPECT_EQ(labels[0][0].item<int>(), 0);
  EXPECT_EQ(labels[0][1].item<int>(), 1);
}

TEST_F(ChaseDb1, AMissingFirstObserverIsNamedAndASecondMayBeMissing) {
  std::filesystem::remove(folder_ / "Image_01R_2ndHO.png");
  EXPECT_FALSE(samples_of(plan()).at("Image_01R").second_observer.defined());
  std::filesystem::remove(folder_ / "Image_01R_1stHO.png");
  EXPECT_THAT([&] { plan(); }, ThrowsMessage<std::invalid_argument>(HasSubstr(
                                   "Image_01R.jpg] has no mask: Image_01R_1stHO.png is missing")));
}

TEST_F(ChaseDb1, ADrawingOfAnotherSizeIsNamed) {
  write_made_image(folder_ / "Image_01R_1stHO.png", made_vessels(1).slice(0, 1));
  EXPECT_THAT([&] { samples_of(plan()); },
              ThrowsMessage<std::invalid_argument>(HasSubstr(
                  "Image_01R_1stHO.png] 59 x 70 pixels, but its image Image_01R.jpg has 60 x 70")));
}

TEST_F(ChaseDb1, AnotherFolderIsNamed) {
  const TemporaryFolder empty;
  EXPECT_THAT([&] { plan_chase_db1({.source = empty.path()}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("no images; Image_01L.jpg")));
}

std::string gzipped_ppm(const std::string& plain) {
  libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
  std::string packed(libdeflate_gzip_compress_bound(compressor, plain.size()), '\0');
  packed.resize(libdeflate_gzip_compress(compressor, plain.data(), plain.size(), packed.data(),
                                         packed.size()));
  libdeflate_free_compressor(compressor);
  return packed;
}

class Stare : public testing::Test {
 protected:
  void SetUp() override {
    for (const int number : {1, 2, 3}) {
      const std::string name = fmt::format("im{:04}", number);
      add("stare-images/" + name + ".ppm", made_fundus(number));
      if (number < 3) add("labels-ah/" + name + ".ah.ppm", made_vessels(number).repeat({3, 1, 1}));
      if (number < 2) add("labels-vk/" + name + ".vk.ppm", made_vessels(9).repeat({3, 1, 1}));
    }
  }
  /// As distributed: gzip.
  void add(const std::string& file, const torch::Tensor& image) const {
    write_made_image(folder_ / file, image);
    write_file_atomically(folder_ / (file + ".gz"), gzipped_ppm(read_file(folder_ / file)));
    std::filesystem::remove(folder_ / file);
  }
  ConversionPlan plan() const { return plan_stare({.source = folder_.path()}); }
  TemporaryFolder folder_;
};

TEST_F(Stare, CompressedImagesAreReadWithBothObservers) {
  const auto samples = samples_of(plan());
  ASSERT_EQ(samples.size(), 2u);
  const RawSample& sample = samples.at("im0001");
  EXPECT_TRUE(torch::equal(sample.image, made_fundus(1)));
  EXPECT_TRUE(torch::equal(sample.labels, made_vessels(1).ne(0).to(torch::kUInt8)));
  EXPECT_TRUE(torch::equal(sample.second_observer, made_vessels(9).ne(0).to(torch::kUInt8)));
  EXPECT_TRUE(torch::equal(sample.field_of_view, fundus_disc(25)));
  EXPECT_EQ(sample.id.patient, "im0001");
  EXPECT_EQ(sample.id.source, "stare");
  EXPECT_FALSE(samples.at("im0002").second_observer.defined());
}

TEST_F(Stare, ImagesWithoutLabelsAreLeftOutAloud) {
  EXPECT_THAT(plan().notes,
              Contains(StartsWith("1 images have no labels-ah: they are left out (im0003)")));
}

TEST_F(Stare, UnpackedFilesBesideTheirArchivesCountOnce) {
  write_made_image(folder_ / "stare-images/im0001.ppm", made_fundus(5));
  const ConversionPlan found = plan();
  EXPECT_EQ(found.items.size(), 2u);
  EXPECT_TRUE(torch::equal(samples_of(found).at("im0001").image, made_fundus(5)));
}

TEST_F(Stare, ATruncatedArchiveIsNamed) {
  std::filesystem::resize_file(folder_ / "labels-ah/im0002.ah.ppm.gz", 60);
  const ConversionPlan found = plan();
  EXPECT_THAT([&] { samples_of(found); },
              ThrowsMessage<std::runtime_error>(
                  HasSubstr("im0002.ah.ppm.gz] its gzip data are truncated or damaged")));
}

TEST_F(Stare, LabelsWithoutAnImageAreNamed) {
  std::filesystem::remove(folder_ / "stare-images/im0002.ppm.gz");
  EXPECT_THAT([&] { plan(); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("im0002.ah.ppm.gz] has no image")));
}

TEST_F(Stare, AKeyHashesThePatient) {
  write_file_atomically(folder_ / "key", "0123456789abcdef");
  ConverterOptions options;
  options.source = folder_.path();
  options.patient_key = folder_ / "key";
  EXPECT_THAT(samples_of(plan_stare(options)).at("im0001").id.patient,
              AllOf(StartsWith("~"), Not(HasSubstr("im0001"))));
}

}  // namespace
}  // namespace medsweep::datasets
