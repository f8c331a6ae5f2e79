#include "datasets/converters/malc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datasets/made_volumes.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr const char* kMap =
    "<LabelList><Label><Name>3rd Ventricle</Name><Number>4</Number></Label>\n"
    "<Label><Name>Left TTG</Name><Number>207</Number></Label></LabelList>";

class Malc : public testing::Test {
 protected:
  void SetUp() override {
    put_volume(folder_ / "in/training-images/1000_3.nii", made_volume({3, 4, 5}));
    const torch::Tensor codes = torch::tensor({0, 4, 207}, torch::kUInt8);
    put_volume(folder_ / "in/training-labels/1000_3_glm.nii",
               codes.index_select(0, torch::arange(60).remainder(3)).reshape({3, 4, 5}));
    put_volume(folder_ / "in/testing-images/1003_3.nii.gz", made_volume({3, 4, 5}, 8));
    put_text(folder_ / "in/training-labels/1000_3_glm_LabelMap.xml", kMap);
  }
  DataFile converted(const ConverterOptions& given = {}) const {
    ConverterOptions options = given;
    options.source = folder_ / "in";
    options.output = folder_ / "a.h5";
    convert("malc", options);
    return DataFile(options.output);
  }
  TemporaryFolder folder_;
};

TEST_F(Malc, SparseCodesBecomeTheClassesOfTheDistributedMap) {
  const DataFile file = converted();
  EXPECT_THAT(file.classes(), ElementsAre("3rd_Ventricle", "Left_TTG"));
  EXPECT_THAT(file.header().label_codes, ElementsAre(4, 207));
  ASSERT_EQ(file.samples().size(), 2u);
  const SampleId id = file.samples()[1];
  EXPECT_EQ(id.name, "1000_3");
  EXPECT_EQ(id.patient, "1000");
  EXPECT_EQ(id.source, "training");
  EXPECT_EQ(file.samples()[0].source, "testing");
  EXPECT_FALSE(file.read(0).labels.defined());
  EXPECT_TRUE(torch::equal(file.read(1).labels,
                           torch::arange(60).remainder(3).reshape({3, 4, 5}).to(torch::kUInt8)));
}

TEST_F(Malc, AGivenMapAndASubsetDecide) {
  put_text(folder_ / "map.txt", "207 gyrus\n4 fluid\n");
  EXPECT_THAT(converted({.label_map = folder_ / "map.txt"}).classes(),
              ElementsAre("gyrus", "fluid"));
  const DataFile file = converted({.classes = {"Left_TTG"}});
  EXPECT_TRUE(
      torch::equal(file.read(1).labels,
                   torch::arange(60).remainder(3).eq(2).reshape({3, 4, 5}).to(torch::kUInt8)));
}

TEST_F(Malc, WithoutAnyMapItSaysSo) {
  std::filesystem::remove(folder_ / "in/training-labels/1000_3_glm_LabelMap.xml");
  EXPECT_THAT([&] { converted(); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("no *LabelMap.xml in it")));
}

TEST_F(Malc, ACodeThatTheMapDoesNotHaveIsNamed) {
  put_text(folder_ / "map.txt", "4 fluid\n");
  EXPECT_THAT([&] { converted({.label_map = folder_ / "map.txt"}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr(
                  "1000_3_glm.nii] unknown label 207 at x 2, y 0, z 0; 0, 4 are allowed")));
}

TEST_F(Malc, TrainingWithoutLabelsIsNamed) {
  std::filesystem::remove(folder_ / "in/training-labels/1000_3_glm.nii");
  EXPECT_THAT([&] { converted(); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("1000_3.nii] has no labels: training-labels/1000_3_glm.nii is")));
}

TEST(MalcReal, ABrainWithFreeSurfersCodesStandsInForACase) {
  const std::filesystem::path brain = real_data("brain_t1");
  if (brain.empty()) GTEST_SKIP() << "the real brain is absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  for (const char* part : {"training-images", "training-labels"})
    std::filesystem::create_directories(folder / (std::string("in/") + part));
  std::filesystem::create_symlink(brain / "voxelmorph_test_scan_T1.nii.gz",
                                  folder / "in/training-images/1000_3.nii.gz");
  std::filesystem::create_symlink(brain / "voxelmorph_test_scan_seg_freesurfer.nii.gz",
                                  folder / "in/training-labels/1000_3_glm.nii.gz");
  put_text(folder / "map.txt",
           "4 Lateral-Ventricle 120 18 134 0\n43 Lateral-Ventricle 120 18 134 0\n"
           "17 Hippocampus 220 216 20 0\n53 Hippocampus 220 216 20 0\n* background\n");
  convert("malc",
          {.source = folder / "in", .output = folder / "a.h5", .label_map = folder / "map.txt"});
  const DataFile file(folder / "a.h5");
  const RawSample sample = file.read(0);
  EXPECT_EQ(sample.image.sizes(), (std::vector<std::int64_t>{1, 224, 192, 160}));
  EXPECT_EQ(sample.labels.max().item<int>(), 2);
  // As NumPy counts them in the file: codes 4 and 43, 17 and 53.
  EXPECT_EQ(sample.labels.eq(1).sum().item<int>(), 21187);
  EXPECT_EQ(sample.labels.eq(2).sum().item<int>(), 12443);
}

}  // namespace
}  // namespace medsweep::datasets
