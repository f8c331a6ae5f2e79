#include "datasets/converters/nifti.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datasets/made_volumes.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// train/images, train/labels and test/... with labels 0 and 3.
class NiftiPairsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"train/images/p1_a", "train/images/p1_b", "test/images/p2_a"})
      put_volume(folder_ / ("in/" + std::string(name) + ".nii.gz"), made_volume({3, 4, 5}));
    for (const char* name : {"train/labels/p1_a", "train/labels/p1_b", "test/labels/p2_a"})
      put_volume(folder_ / ("in/" + std::string(name) + ".nii.gz"),
                 made_volume({3, 4, 5}).remainder(2).to(torch::kUInt8) * 3);
    put_text(folder_ / "map.csv", "code,name\n1,tissue\n3,tumour\n");
  }
  DataFile converted(const ConverterOptions& given) const {
    ConverterOptions options = given;
    if (options.images.empty()) options.images = "images/*.nii.gz";
    if (options.labels.empty()) options.labels = "labels/*.nii.gz";
    if (options.source.empty()) options.source = folder_ / "in";
    options.output = folder_ / "mine.h5";
    report_ = convert("nifti", options);
    return DataFile(options.output);
  }
  mutable ConverterReport report_;
  TemporaryFolder folder_;
};

TEST_F(NiftiPairsTest, PatternsFindPairsAndTheMapNamesTheirCodes) {
  const DataFile file = converted({.label_map = folder_ / "map.csv", .patient = "^([^_]+)"});
  EXPECT_EQ(file.name(), "mine");
  EXPECT_THAT(file.classes(), ElementsAre("tissue", "tumour"));
  EXPECT_THAT(file.header().label_codes, ElementsAre(1, 3));
  ASSERT_EQ(file.samples().size(), 3u);
  EXPECT_EQ(file.samples()[0].name, "p1_a");
  EXPECT_EQ(file.samples()[0].patient, "p1");
  EXPECT_EQ(file.samples()[1].patient, "p1");
  EXPECT_EQ(file.samples()[1].source, "train");
  EXPECT_EQ(file.samples()[2].source, "test");
  EXPECT_TRUE(
      torch::equal(file.read(0).labels, made_volume({3, 4, 5}).remainder(2).to(torch::kUInt8) * 2));
}

TEST_F(NiftiPairsTest, ClassesNameConsecutiveCodesWithoutAMap) {
  EXPECT_THAT(converted({.classes = {"a", "b", "c"}}).classes(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(
      [&] {
        converted({.classes = {"a", "b"}});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("unknown label 3")));
  EXPECT_THAT([&] { converted({}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("neither --label-map nor --classes")));
}

TEST_F(NiftiPairsTest, TheFourthAxisIsChannels) {
  for (const char* name : {"p1_a", "p1_b"})
    put_volume(folder_ / ("in/train/images/" + std::string(name) + ".nii.gz"),
               made_volume({2, 3, 4, 5}));
  put_volume(folder_ / "in/test/images/p2_a.nii.gz", made_volume({2, 3, 4, 5}));
  const DataFile file = converted({.classes = {"a", "b", "c"}});
  EXPECT_EQ(file.channels(), 2);
  EXPECT_TRUE(torch::equal(file.read(0).image, made_volume({2, 3, 4, 5})));
  EXPECT_EQ(converted({.dimension = 2, .classes = {"a", "b", "c"}}).samples().size(), 9u);
}

TEST_F(NiftiPairsTest, WhatHasNoPartnerIsNamed) {
  std::filesystem::remove(folder_ / "in/train/labels/p1_b.nii.gz");
  std::filesystem::remove(folder_ / "in/test/images/p2_a.nii.gz");
  EXPECT_THAT(
      [&] {
        converted({.classes = {"a", "b", "c"}});
      },
      ThrowsMessage<std::invalid_argument>(
          HasSubstr("p1_b.nii.gz] has no labels: 'labels/*.nii.gz' for 'p1_b' is")));
  const DataFile file =
      converted({.classes = {"a", "b", "c"}, .on_bad = ConverterOptions::OnBad::kSkip});
  EXPECT_EQ(file.samples().size(), 1u);
  EXPECT_THAT(report_.skipped, ElementsAre(HasSubstr("p1_b.nii.gz] has no labels"),
                                           HasSubstr("p2_a.nii.gz] has no image")));
}

TEST_F(NiftiPairsTest, BothPatternsAreNeeded) {
  ConverterOptions options{.source = folder_ / "in", .output = folder_ / "mine.h5"};
  options.classes = {"a"};
  EXPECT_THAT([&] { convert("nifti", options); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("--images and --labels are needed")));
}

TEST(NiftiReal, TheLeftAtriumKeepsItsSpacingAndVoxels) {
  const std::filesystem::path source = real_data("la2018");
  if (source.empty()) GTEST_SKIP() << "the real left atrium is absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  convert("nifti", {.source = source,
                    .output = folder / "a.h5",
                    .classes = {"atrium"},
                    .images = "*.nii.gz",
                    .labels = "*_label.nii.gz"});
  const DataFile file(folder / "a.h5");
  ASSERT_EQ(file.samples().size(), 1u);
  EXPECT_EQ(file.samples()[0].name, "06SR5RBREL16DQ6M8LWS");
  EXPECT_THAT(file.samples()[0].spacing, ElementsAre(0.625, 0.625, 0.625));
  EXPECT_EQ(file.read(0).image.sizes(), (std::vector<std::int64_t>{1, 88, 140, 183}));
  // The volume stays about what it is on a coarser grid.
  convert("nifti", {.source = source,
                    .output = folder / "b.h5",
                    .spacing = {2.5, 1.25, 1.25},
                    .classes = {"atrium"},
                    .images = "*.nii.gz",
                    .labels = "*_label.nii.gz"});
  const DataFile coarse(folder / "b.h5");
  EXPECT_EQ(coarse.read(0).image.sizes(), (std::vector<std::int64_t>{1, 22, 70, 92}));
  const auto volume = [](const DataFile& of, double voxel) {
    return of.read(0).labels.sum().item<double>() * voxel;
  };
  const double fine_mm3 = volume(file, 0.625 * 0.625 * 0.625);
  EXPECT_NEAR(volume(coarse, 2.5 * 1.25 * 1.25) / fine_mm3, 1, 0.05);
}

}  // namespace
}  // namespace medsweep::datasets
