#include "datasets/converters/brats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datasets/made_volumes.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Two cases as BraTS 2018 distributes them: codes 0, 1, 2, 4.
class Brats : public testing::Test {
 protected:
  void SetUp() override {
    put_case("HGG", "Brats18_TCIA01_147_1", 1);
    put_case("LGG", "Brats18_2013_10_1", 50);
  }
  void put_case(const std::string& group, const std::string& name, std::int64_t step) const {
    const auto file = [&](const std::string& part) {
      return folder_ / "in" / group / name / (name + "_" + part + ".nii.gz");
    };
    for (const char* modality : {"t1", "t2", "t1ce", "flair"})
      put_volume(file(modality), made_volume({3, 4, 5}, step++));
    const torch::Tensor codes = torch::tensor({0, 1, 2, 4}, torch::kInt16);
    put_volume(file("seg"),
               codes.index_select(0, torch::arange(60).remainder(4)).reshape({3, 4, 5}));
  }
  DataFile converted(const ConverterOptions& given = {}) const {
    ConverterOptions options = given;
    options.source = folder_ / "in";
    options.output = folder_ / "a.h5";
    report_ = convert("brats", options);
    return DataFile(options.output);
  }
  mutable ConverterReport report_;
  TemporaryFolder folder_;
};

TEST_F(Brats, ModalitiesAreChannelsAndTheRegionsOverlap) {
  const DataFile file = converted();
  EXPECT_EQ(file.header().dimension, 3);
  EXPECT_EQ(file.channels(), 4);
  EXPECT_THAT(file.classes(), ElementsAre("ncr", "ed", "et"));
  EXPECT_THAT(file.header().label_codes, ElementsAre(1, 2, 4));
  ASSERT_EQ(file.samples().size(), 2u);
  const RawSample sample = file.read(0);
  for (std::int64_t channel = 0; channel < 4; ++channel)  // t1, t2, t1ce, flair
    EXPECT_TRUE(torch::equal(sample.image[channel], made_volume({3, 4, 5}, 1 + channel)));
  EXPECT_TRUE(torch::equal(sample.labels,
                           torch::arange(60).remainder(4).reshape({3, 4, 5}).to(torch::kUInt8)));
  const torch::Tensor regions = region_channels(sample.labels, file.header().regions);
  EXPECT_TRUE(torch::equal(regions[0], sample.labels.ne(0).to(torch::kUInt8)));  // wt: 1, 2, 4
  EXPECT_TRUE(torch::equal(regions[1], sample.labels.remainder(2).to(torch::kUInt8)));  // tc: 1, 4
  EXPECT_TRUE(torch::equal(regions[2], sample.labels.eq(3).to(torch::kUInt8)));         // et: 4
}

TEST_F(Brats, GradeAndPatientComeFromNames) {
  const DataFile file = converted();
  EXPECT_EQ(file.samples()[0].group, "HGG");
  EXPECT_EQ(file.samples()[0].patient, "Brats18_TCIA01_147");
  EXPECT_EQ(file.samples()[1].group, "LGG");
  EXPECT_EQ(file.samples()[1].patient, "Brats18_2013_10");
  EXPECT_EQ(converted({.patient = "_([0-9]+)_1$"}).samples()[0].patient, "147");
}

TEST_F(Brats, LaterYearsNumbersArePatientsThemselves) {
  put_case("", "BraTS20_Training_001", 7);
  put_case("", "BraTS20_Training_002", 9);
  const DataFile file = converted();
  EXPECT_EQ(file.samples()[0].patient, "BraTS20_Training_001");
  EXPECT_EQ(file.samples()[1].patient, "BraTS20_Training_002");
}

TEST_F(Brats, ACaseThatLacksAModalityIsNamed) {
  std::filesystem::remove(folder_ / "in/LGG/Brats18_2013_10_1/Brats18_2013_10_1_t2.nii.gz");
  EXPECT_THAT([&] { converted(); }, ThrowsMessage<std::invalid_argument>(HasSubstr(
                                        "[Brats18_2013_10_1] has no t2, which other cases have")));
  const DataFile file = converted({.on_bad = ConverterOptions::OnBad::kSkip});
  EXPECT_EQ(file.samples().size(), 1u);
  EXPECT_THAT(report_.skipped, ElementsAre(HasSubstr("has no t2")));
}

TEST_F(Brats, ModalitiesThatNobodyHasAreNoChannels) {
  for (const char* name : {"HGG/Brats18_TCIA01_147_1", "LGG/Brats18_2013_10_1"}) {
    const std::filesystem::path folder = folder_ / (std::string("in/") + name);
    std::filesystem::remove(folder / (folder.filename().string() + "_t1.nii.gz"));
  }
  const DataFile file = converted();
  EXPECT_EQ(file.channels(), 3);
  EXPECT_THAT(report_.notes, ElementsAre("channels: t2, t1ce, flair"));
}

TEST_F(Brats, WithinTheBrainMeanIsZeroAndDeviationOne) {
  torch::Tensor image = made_volume({3, 4, 5}) + 100;
  image[0].zero_();
  for (const char* modality : {"t1", "t2", "t1ce", "flair"})
    put_volume(folder_ / "in/HGG/Brats18_TCIA01_147_1" /
                   (std::string("Brats18_TCIA01_147_1_") + modality + ".nii.gz"),
               image);
  const DataFile file = converted({.normalize = "brain"});
  const torch::Tensor made = file.read(0).image;
  EXPECT_EQ(made.scalar_type(), torch::kFloat32);
  EXPECT_EQ(made.select(1, 0).abs().max().item<float>(), 0);
  const torch::Tensor brain = made[2].narrow(0, 1, 2).to(torch::kFloat64);
  EXPECT_NEAR(brain.mean().item<double>(), 0, 1e-6);
  EXPECT_NEAR(brain.std(false).item<double>(), 1, 1e-6);
}

TEST_F(Brats, AConstantChannelCannotBeNormalised) {
  put_volume(folder_ / "in/HGG/Brats18_TCIA01_147_1/Brats18_TCIA01_147_1_t2.nii.gz",
             torch::full({3, 4, 5}, 7, torch::kInt16));
  EXPECT_THAT([&] { converted({.normalize = "brain"}); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("147_1_t2.nii.gz] the same value all over the brain")));
}

TEST_F(Brats, CodeThreeOnlyBelongsToTheOlderForm) {
  put_volume(folder_ / "in/HGG/Brats18_TCIA01_147_1/Brats18_TCIA01_147_1_seg.nii.gz",
             torch::full({3, 4, 5}, 3, torch::kUInt8));
  EXPECT_THAT([&] { converted(); },
              ThrowsMessage<std::invalid_argument>(HasSubstr(
                  "_seg.nii.gz] unknown label 3 at x 0, y 0, z 0; 0, 1, 2, 4 are allowed")));
}

TEST_F(Brats, AnotherNormalisationIsRefused) {
  EXPECT_THAT([&] { converted({.normalize = "zscore"}); },
              ThrowsMessage<std::invalid_argument>("[normalize] 'zscore'; none and brain are "
                                                   "allowed"));
}

TEST(BratsReal, The2015FormHasItsTwoModalitiesAndMergedLabels) {
  const std::filesystem::path source = real_data("brats2015");
  if (source.empty()) GTEST_SKIP() << "the real BraTS cases are absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  convert("brats", {.source = source, .output = folder / "a.h5", .normalize = "brain"});
  const DataFile file(folder / "a.h5");
  ASSERT_EQ(file.samples().size(), 2u);
  EXPECT_EQ(file.channels(), 2);
  EXPECT_EQ(file.samples()[0].name, "brats_2013_pat0005_1");
  EXPECT_EQ(file.samples()[0].patient, "brats_2013_pat0005");
  EXPECT_THAT(file.samples()[0].spacing, ElementsAre(1, 1, 1));
  EXPECT_THAT(file.samples()[0].affine, ElementsAre(-1, 0, 0, 0, 0, -1, 0, 239, 0, 0, 1, 0));
  const RawSample sample = file.read(0);
  EXPECT_EQ(sample.image.sizes(), (std::vector<std::int64_t>{2, 155, 240, 240}));
  EXPECT_EQ(sample.image.select(1, 0).abs().max().item<float>(), 0);  // outside the brain
  EXPECT_EQ(sample.labels.max().item<int>(), 3);
}

}  // namespace
}  // namespace medsweep::datasets
