#include "datasets/converters/drive.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>

#include "base/files.h"
#include "datasets/converters/image_files.h"
#include "tests/datasets/made_images.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

torch::Tensor drive_mask(int number) {
  return (torch::arange(40 * 33).reshape({40, 33}) / (number + 2)).remainder(2);
}

torch::Tensor drive_rgb(int number) {
  return (torch::arange(3 * 40 * 33).reshape({3, 40, 33}) * number)
      .remainder(256)
      .to(torch::kUInt8);
}

/// DRIVE's training half with the images 21 and 22, to be damaged.
class Drive : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_ / "out");
    for (const char* name : {"images", "1st_manual", "mask"})
      std::filesystem::create_directories(file(name));
    for (const int number : {22, 21}) {
      write_made_image(file(fmt::format("images/{}_training.tif", number)), drive_rgb(number));
      write_made_gif(file(fmt::format("1st_manual/{}_manual1.gif", number)), drive_mask(number));
      write_made_gif(file(fmt::format("mask/{}_training_mask.gif", number)), drive_mask(200));
    }
  }
  std::filesystem::path file(const std::string& name) const {
    return folder_ / "in" / "training" / name;
  }
  ConverterReport convert_it() const {
    return convert("drive", {.source = folder_ / "in", .output = folder_ / "out" / "a.h5"});
  }
  template <typename Error, typename Matcher>
  void expect_refused(Matcher matcher) const {
    EXPECT_THAT([&] { convert_it(); }, ThrowsMessage<Error>(matcher));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out" / "a.h5"));
  }
  TemporaryFolder folder_;
};

TEST_F(Drive, EveryImageIsASampleWithVesselsAndFieldOfView) {
  EXPECT_EQ(convert_it().samples, 2);
  const DataFile file(folder_ / "out" / "a.h5");
  EXPECT_THAT(file.classes(), ElementsAre("vessel"));
  EXPECT_EQ(file.channels(), 3);
  const RawSample sample = file.read(0);
  EXPECT_EQ(sample.id.name, "21");
  EXPECT_EQ(sample.id.case_name, "21");
  EXPECT_EQ(sample.id.patient, "21");
  EXPECT_EQ(sample.id.source, "training");
  EXPECT_TRUE(sample.id.spacing.empty());
  EXPECT_TRUE(torch::equal(sample.image, drive_rgb(21)));  // red first
  EXPECT_TRUE(torch::equal(sample.labels, drive_mask(21).to(torch::kUInt8)));
  EXPECT_TRUE(torch::equal(sample.field_of_view, drive_mask(200).to(torch::kUInt8)));
}

TEST_F(Drive, AHalfWithoutManualsIsLeftOutAloud) {
  const std::filesystem::path images = folder_ / "in" / "test" / "images";
  std::filesystem::create_directories(images);
  write_made_image(images / "01_test.tif", drive_rgb(1));
  const ConverterReport report = convert_it();
  EXPECT_EQ(report.samples, 2);
  EXPECT_THAT(report.notes, ElementsAre("test has no 1st_manual: its images are left out"));
}

TEST_F(Drive, TheTestHalfIsASourceOfItsOwn) {
  std::filesystem::rename(folder_ / "in" / "training", folder_ / "in" / "test");
  for (const char* number : {"21", "22"}) {
    const std::filesystem::path test = folder_ / "in" / "test";
    std::filesystem::rename(test / "images" / (std::string(number) + "_training.tif"),
                            test / "images" / (std::string(number) + "_test.tif"));
    std::filesystem::rename(test / "mask" / (std::string(number) + "_training_mask.gif"),
                            test / "mask" / (std::string(number) + "_test_mask.gif"));
  }
  convert_it();
  EXPECT_EQ(DataFile(folder_ / "out" / "a.h5").samples()[1].source, "test");
}

TEST_F(Drive, TheSecondObserverIsKeptWhereItIsThere) {
  write_made_gif(file("2nd_manual/22_manual2.gif"), drive_mask(7));
  const auto samples = samples_of(plan_drive({.source = folder_ / "in"}));
  EXPECT_TRUE(torch::equal(samples.at("22").second_observer, drive_mask(7).to(torch::kUInt8)));
  EXPECT_FALSE(samples.at("21").second_observer.defined());
  write_made_gif(file("2nd_manual/22_manual2.gif"), drive_mask(7), {0, 254});
  EXPECT_THAT([&] { samples_of(plan_drive({.source = folder_ / "in"})); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("22_manual2.gif] unknown label")));
}

TEST_F(Drive, WithSkipBadAMissingManualIsListed) {
  std::filesystem::remove(file("1st_manual/22_manual1.gif"));
  const ConversionPlan plan =
      plan_drive({.source = folder_ / "in", .on_bad = ConverterOptions::OnBad::kSkip});
  EXPECT_EQ(plan.items.size(), 1u);
  EXPECT_THAT(plan.skipped, ElementsAre(HasSubstr("22_training.tif] has no mask")));
}

TEST_F(Drive, AMissingManualIsNamed) {
  std::filesystem::remove(file("1st_manual/22_manual1.gif"));
  expect_refused<std::invalid_argument>(AllOf(HasSubstr("22_training.tif] has no mask"),
                                              HasSubstr("1st_manual/22_manual1.gif is missing")));
}

TEST_F(Drive, AMissingFieldOfViewIsNamed) {
  std::filesystem::remove(file("mask/22_training_mask.gif"));
  expect_refused<std::invalid_argument>(HasSubstr("mask/22_training_mask.gif is missing"));
}

TEST_F(Drive, ATruncatedGifIsNamed) {
  const auto bytes = std::filesystem::file_size(file("1st_manual/22_manual1.gif"));
  std::filesystem::resize_file(file("1st_manual/22_manual1.gif"), bytes * 2 / 3);
  expect_refused<std::runtime_error>(HasSubstr("22_manual1.gif] cannot be read as GIF"));
}

TEST_F(Drive, ATruncatedTiffIsNamed) {
  const auto bytes = std::filesystem::file_size(file("images/22_training.tif"));
  std::filesystem::resize_file(file("images/22_training.tif"), bytes / 2);
  expect_refused<std::runtime_error>(HasSubstr("22_training.tif] cannot be decoded"));
}

TEST_F(Drive, SizesThatDisagreeAreNamed) {
  write_made_gif(file("mask/22_training_mask.gif"), torch::ones({39, 33}));
  expect_refused<std::invalid_argument>(
      HasSubstr("22_training_mask.gif] 39 x 33 pixels, but its image 22_training.tif has 40 x 33"));
}

TEST_F(Drive, AnUnknownGreyLevelIsNamed) {
  write_made_gif(file("1st_manual/22_manual1.gif"), drive_mask(22), {0, 128});
  expect_refused<std::invalid_argument>(
      HasSubstr("22_manual1.gif] unknown label, grey level 128; 0 and 255 are allowed"));
}

TEST_F(Drive, AGreyImageIsNamed) {
  cv::imwrite(file("images/22_training.tif").string(), cv::Mat(40, 33, CV_8UC1, cv::Scalar(7)));
  expect_refused<std::invalid_argument>(HasSubstr("22_training.tif] 1 channels, 1 bytes each"));
}

TEST_F(Drive, AnEmptyFolderIsNamed) {
  std::filesystem::remove_all(file("images"));
  expect_refused<std::invalid_argument>(HasSubstr("/in] no folder 'images' in it"));
  std::filesystem::create_directories(file("images"));
  expect_refused<std::invalid_argument>(HasSubstr("images] no images"));
}

/// The files as distributed: LZW strips, which a damaged copy breaks in its middle.
TEST(DriveReal, ATruncatedOriginalIsNamed) {
  const std::filesystem::path source = real_data("drive");
  if (source.empty()) GTEST_SKIP() << "the real DRIVE images are absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  std::filesystem::copy(source / "training/images/21_training.tif", folder / "21.tif");
  for (const std::uintmax_t kept : {600000u, 300000u, 1000u}) {
    std::filesystem::resize_file(folder / "21.tif", kept);
    EXPECT_THAT([&] { read_image(folder / "21.tif", ColorKind::kStored); },
                ThrowsMessage<std::runtime_error>(HasSubstr("21.tif]")))
        << kept;
  }
}

TEST(DriveReal, ConvertsAsDistributed) {
  const std::filesystem::path source = real_data("drive");
  if (source.empty()) GTEST_SKIP() << "the real DRIVE images are absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  const ConverterReport report =
      convert("drive", {.source = source, .output = folder / "drive.h5"});
  EXPECT_EQ(report.samples, 20);
  const DataFile file(folder / "drive.h5");
  EXPECT_EQ(file.sizes()[0], (Extent{584, 565}));
  EXPECT_EQ(file.samples()[19].name, "40");
  const double vessels = file.read(0).labels.to(torch::kFloat64).mean().item<double>();
  EXPECT_GT(vessels, 0.05);
  EXPECT_LT(vessels, 0.15);
}

}  // namespace
}  // namespace medsweep::datasets
