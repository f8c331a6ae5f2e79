#include "datasets/converters/nnunet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datasets/converters/image_files.h"
#include "datasets/converters/nnunet_files.h"
#include "tests/datasets/made_volumes.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr const char* kDescription =
    R"({"channel_names": {"0": "T2", "1": "ADC"}, "labels": {"background": 0, "TZ": 2, "PZ": 1},
        "numTraining": 2, "file_ending": ".nii.gz"})";

class Nnunet : public testing::Test {
 protected:
  void SetUp() override {
    put_text(root() / "dataset.json", kDescription);
    for (const char* name : {"prostate_00", "prostate_01"}) {
      put_case("Tr", name, 2);
      put_volume(root() / "labelsTr" / (std::string(name) + ".nii.gz"), labels());
    }
    put_case("Ts", "prostate_02", 2);
  }
  std::filesystem::path root() const { return folder_ / "in"; }
  void put_case(const std::string& half, const std::string& name, std::int64_t channels) const {
    for (std::int64_t channel = 0; channel < channels; ++channel)
      put_volume(root() / ("images" + half) / (name + "_000" + std::to_string(channel) + ".nii.gz"),
                 made_volume({3, 4, 5}, channel));
  }
  static torch::Tensor labels() {
    return torch::arange(60).remainder(3).reshape({3, 4, 5}).to(torch::kUInt8);
  }
  DataFile converted(const ConverterOptions& given = {}) const {
    ConverterOptions options = given;
    options.source = root();
    options.output = folder_ / "a.h5";
    report_ = convert("nnunet", options);
    return DataFile(options.output);
  }
  mutable ConverterReport report_;
  TemporaryFolder folder_;
};

TEST_F(Nnunet, FilesOfACaseAreItsChannels) {
  const DataFile file = converted();
  EXPECT_THAT(file.classes(), ElementsAre("PZ", "TZ"));
  EXPECT_EQ(file.channels(), 2);
  ASSERT_EQ(file.samples().size(), 3u);
  EXPECT_EQ(file.samples()[0].name, "prostate_00");
  EXPECT_EQ(file.samples()[0].source, "training");
  const RawSample sample = file.read(0);
  EXPECT_TRUE(torch::equal(sample.image[0], made_volume({3, 4, 5}, 0)));
  EXPECT_TRUE(torch::equal(sample.image[1], made_volume({3, 4, 5}, 1)));
  EXPECT_TRUE(torch::equal(sample.labels, labels()));
}

TEST_F(Nnunet, TestCasesMayLackLabels) {
  const DataFile file = converted();
  EXPECT_EQ(file.samples()[2].source, "test");
  EXPECT_FALSE(file.read(2).labels.defined());
  EXPECT_THAT(report_.notes, ElementsAre(HasSubstr("prostate_02")));
  put_volume(root() / "labelsTs/prostate_02.nii.gz", labels());
  EXPECT_TRUE(converted().read(2).labels.defined());
}

TEST_F(Nnunet, FoldsAreThoseOfSplitsFinal) {
  put_text(root() / "splits_final.json",
           R"([{"train": ["prostate_01"], "val": ["prostate_00"]},
               {"train": ["prostate_00"], "val": ["prostate_01"]}])");
  const DataFile file = converted();
  EXPECT_EQ(file.samples()[0].fold, 0);
  EXPECT_EQ(file.samples()[1].fold, 1);
  EXPECT_EQ(file.samples()[2].fold, -1);
}

TEST_F(Nnunet, ListsOfCodesAreRegionsAndIgnoreIsOutsideTheField) {
  put_text(root() / "dataset.json",
           R"({"channel_names": {"0": "T2", "1": "ADC"}, "file_ending": ".nii.gz",
               "labels": {"background": 0, "whole": [1, 3], "core": [3], "ignore": 2},
               "regions_class_order": [1, 3]})");
  torch::Tensor codes = labels();
  codes[0].fill_(3);
  for (const char* name : {"prostate_00", "prostate_01"})
    put_volume(root() / "labelsTr" / (std::string(name) + ".nii.gz"), codes);
  const DataFile file = converted();
  EXPECT_THAT(file.classes(), ElementsAre("label_1", "core"));
  EXPECT_THAT(file.header().label_codes, ElementsAre(1, 3));
  EXPECT_THAT(file.header().regions, ElementsAre(Region{"whole", {1, 2}}, Region{"core", {2}}));
  const RawSample sample = file.read(0);
  EXPECT_TRUE(torch::equal(sample.field_of_view, codes.ne(2).to(torch::kUInt8)));
  EXPECT_TRUE(torch::equal(sample.labels[0], torch::full({4, 5}, 2, torch::kUInt8)));
  EXPECT_EQ(sample.labels[1].max().item<int>(), 1);
}

TEST_F(Nnunet, TheDecathlonsFormHasChannelsInTheFourthAxis) {
  std::filesystem::remove_all(root());
  put_text(
      root() / "dataset.json",
      R"({"name": "Prostate Task", "modality": {"0": "T2", "1": "ADC"}, "tensorImageSize": "4D",
               "labels": {"0": "background", "1": "PZ", "2": "TZ"}, "numTraining": 1,
               "training": [{"image": "./imagesTr/prostate_00.nii.gz"}]})");
  put_volume(root() / "imagesTr/prostate_00.nii.gz", made_volume({2, 3, 4, 5}));
  put_volume(root() / "labelsTr/prostate_00.nii.gz", labels());
  const DataFile file = converted();
  EXPECT_EQ(file.name(), "Prostate_Task");
  EXPECT_THAT(file.classes(), ElementsAre("PZ", "TZ"));
  EXPECT_TRUE(torch::equal(file.read(0).image, made_volume({2, 3, 4, 5})));
}

TEST_F(Nnunet, PicturesAreSlicesOfTheirOwn) {
  std::filesystem::remove_all(root());
  put_text(root() / "dataset.json",
           R"({"channel_names": {"0": "R", "1": "G", "2": "B"}, "file_ending": ".png",
               "labels": {"background": 0, "road": 1}})");
  for (const char* folder : {"imagesTr", "labelsTr"})
    std::filesystem::create_directories(root() / folder);
  const torch::Tensor image = torch::arange(3 * 6 * 7).reshape({3, 6, 7}).to(torch::kUInt8);
  const torch::Tensor road = image[0].remainder(2);
  write_png(root() / "imagesTr/img-1_0000.png", image);
  write_png(root() / "labelsTr/img-1.png", road);
  const DataFile file = converted();
  EXPECT_EQ(file.header().dimension, 2);
  EXPECT_EQ(file.samples()[0].name, "img-1");
  EXPECT_TRUE(torch::equal(file.read(0).image, image));
  EXPECT_TRUE(torch::equal(file.read(0).labels, road));
}

TEST_F(Nnunet, WhatIsMissingIsNamed) {
  std::filesystem::remove(root() / "imagesTr/prostate_01_0000.nii.gz");
  EXPECT_THAT([&] { converted(); }, ThrowsMessage<std::invalid_argument>(
                                        HasSubstr("[prostate_01] its channel 0000 is missing")));
  put_case("Tr", "prostate_01", 2);
  std::filesystem::remove(root() / "labelsTr/prostate_01.nii.gz");
  EXPECT_THAT([&] { converted(); },
              ThrowsMessage<std::invalid_argument>(HasSubstr(
                  "[prostate_01] has no labels: labelsTr/prostate_01.nii.gz is missing")));
  std::filesystem::remove(root() / "dataset.json");
  EXPECT_THAT([&] { converted(); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("no dataset.json in it")));
}

TEST_F(Nnunet, ADescriptionThatIsNoneIsNamedWithoutItsContent) {
  const auto refused = [&](const std::string& text, const char* part) {
    put_text(root() / "dataset.json", text);
    EXPECT_THAT([&] { read_nnunet_description(root() / "dataset.json"); },
                ThrowsMessage<std::invalid_argument>(
                    testing::AllOf(HasSubstr("dataset.json]"), HasSubstr(part))));
  };
  refused("{\"labels\": ", "no JSON: wrong at byte 12");
  refused("[1]", "no object");
  refused("{}", "no 'labels'");
  refused(R"({"labels": {"a": 1}})", "neither 'channel_names' nor 'modality'");
  refused(R"({"labels": {"a": 1.5}, "modality": {"0": "MR"}})", "labels 'a'; a whole number");
  refused(R"({"labels": {"background": 0}, "modality": {"0": "MR"}})", "0 classes");
}

TEST_F(Nnunet, SplitsThatAreNoneAreNamed) {
  const auto refused = [&](const std::string& text, const char* part) {
    put_text(root() / "splits_final.json", text);
    EXPECT_THAT([&] { read_nnunet_splits(root() / "splits_final.json"); },
                ThrowsMessage<std::invalid_argument>(
                    testing::AllOf(HasSubstr("splits_final.json]"), HasSubstr(part))));
  };
  refused("{}", "no list");
  refused(R"([{"train": []}])", "fold 0 has no list 'val'");
  refused(R"([{"val": ["a"]}, {"val": ["a"]}])", "'a' is validated by folds 0 and 1");
  refused(R"([{"val": [1]}])", "a list of names");
}

}  // namespace
}  // namespace medsweep::datasets
