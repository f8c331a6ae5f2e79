#include "datasets/converters/chest_xray.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "datasets/converters/image_files.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// A tree of X-rays: grey ramps, each with a level of its own.
class ChestXray : public testing::Test {
 protected:
  void add(const std::string& file, std::int64_t height = 24, std::int64_t width = 30) {
    const auto path = folder_ / file;
    std::filesystem::create_directories(path.parent_path());
    write_png(path, (torch::arange(height * width).reshape({height, width}) + ++count_)
                        .remainder(256)
                        .to(torch::kUInt8));
  }
  /// Two lungs as rectangles: the one on the image's right is the patient's left, and larger.
  void add_mask(const std::string& file, std::int64_t height, std::int64_t width) {
    torch::Tensor mask = torch::zeros({height, width}, torch::kUInt8);
    mask.slice(0, height / 4, height / 2).slice(1, width / 10, width * 4 / 10).fill_(255);
    mask.slice(0, height / 4, height * 3 / 4).slice(1, width * 6 / 10, width * 9 / 10).fill_(255);
    const auto path = folder_ / file;
    std::filesystem::create_directories(path.parent_path());
    write_png(path, mask);
  }
  ConversionPlan plan(const std::string& patient = "") const {
    ConverterOptions options;
    options.source = folder_.path();
    options.patient = patient;
    return plan_chest_xray(options);
  }
  std::map<std::string, SampleId> ids(const ConversionPlan& plan) const {
    std::map<std::string, SampleId> ids;
    for (const ConversionItem& item : plan.items) ids[item.name] = item.read().at(0).id;
    return ids;
  }
  std::string error_of(const std::string& patient = "") const {
    try {
      plan(patient);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "no error";
  }
  TemporaryFolder folder_;

 private:
  std::int64_t count_ = 0;
};

TEST_F(ChestXray, AFolderIsTheClassAndASplitFolderTheSource) {
  add("chest_xray/train/NORMAL/IM-0115-0001.png");
  add("chest_xray/train/PNEUMONIA/person1_bacteria_1.png");
  add("chest_xray/train/PNEUMONIA/person1_bacteria_2.png");
  add("chest_xray/test/PNEUMONIA/person1_virus_6.png");
  add("chest_xray/val/NORMAL/NORMAL2-IM-1427-0001.png");
  const ConversionPlan found = plan();
  EXPECT_THAT(found.header.classes, ElementsAre("left_lung", "right_lung"));
  EXPECT_EQ(found.header.channels, 1);
  const auto ids = this->ids(found);
  ASSERT_EQ(ids.size(), 5u);
  const SampleId& first = ids.at("train_PNEUMONIA_person1_bacteria_1");
  EXPECT_EQ(first.group, "PNEUMONIA");
  EXPECT_EQ(first.source, "train");
  EXPECT_EQ(first.case_name, first.name);
  EXPECT_EQ(first.patient, ids.at("train_PNEUMONIA_person1_bacteria_2").patient);
  EXPECT_NE(first.patient, ids.at("test_PNEUMONIA_person1_virus_6").patient)
      << "numbers begin anew in the test half";
  EXPECT_EQ(ids.at("train_NORMAL_IM-0115-0001").patient, "train_NORMAL_IM-0115");
  EXPECT_EQ(ids.at("val_NORMAL_NORMAL2-IM-1427-0001").patient, "val_NORMAL_NORMAL2-IM-1427");
}

TEST_F(ChestXray, AnyTreeOfClassFoldersWillDo) {
  add("Covid19-dataset/train/Viral Pneumonia/01.png");
  add("some/where/Covid (new)/01.png");
  add("Normal/test/02.png");
  const auto ids = this->ids(plan());
  ASSERT_EQ(ids.size(), 3u);
  EXPECT_EQ(ids.at("train_Viral_Pneumonia_01").group, "Viral_Pneumonia");
  EXPECT_EQ(ids.at("Covid__new__01").source, "");
  EXPECT_EQ(ids.at("test_Normal_02").group, "Normal");
  EXPECT_EQ(ids.at("test_Normal_02").source, "test");
}

TEST_F(ChestXray, AnImageIsGreyAndWithoutLabels) {
  add("NORMAL/a.png", 20, 33);
  const RawSample sample = plan().items.at(0).read().at(0);
  EXPECT_THAT(sample.image.sizes(), ElementsAre(1, 20, 33));
  EXPECT_EQ(sample.image.scalar_type(), torch::kUInt8);
  EXPECT_EQ(sample.image[0][0][0].item<int>(), 1);
  EXPECT_FALSE(sample.labels.defined());
  EXPECT_FALSE(sample.instances.defined());
  EXPECT_THAT(sample.id.spacing, IsEmpty());
}

TEST_F(ChestXray, MasksBesideImagesBecomeTheTwoLungsOfThePatient) {
  add("COVID-19_Radiography_Dataset/COVID/images/COVID-1.png", 60, 60);
  add_mask("COVID-19_Radiography_Dataset/COVID/masks/COVID-1.png", 50, 50);
  const ConversionPlan found = plan();
  ASSERT_EQ(found.items.size(), 1u);
  EXPECT_EQ(found.items[0].files.size(), 2u);
  const RawSample sample = found.items[0].read().at(0);
  EXPECT_EQ(sample.id.group, "COVID");
  EXPECT_EQ(sample.id.source, "");
  EXPECT_THAT(sample.labels.sizes(), ElementsAre(60, 60));
  EXPECT_EQ(sample.labels[20][50].item<int>(), 1) << "the image's right is the patient's left";
  EXPECT_EQ(sample.labels[20][10].item<int>(), 2);
  EXPECT_EQ(sample.labels[20][30].item<int>(), 0);
  ASSERT_EQ(sample.instances.boxes.size(0), 2);
  EXPECT_TRUE(sample.instances.masks[0].equal(sample.labels.eq(1).to(torch::kUInt8)));
  EXPECT_TRUE(sample.instances.masks[1].equal(sample.labels.eq(2).to(torch::kUInt8)));
  const auto rows = sample.instances.masks[0].any(1).nonzero(),
             columns = sample.instances.masks[0].any(0).nonzero();
  EXPECT_TRUE(sample.instances.boxes[0].equal(
      torch::tensor({columns[0].item<float>(), rows[0].item<float>(), columns[-1].item<float>() + 1,
                     rows[-1].item<float>() + 1})));
}

TEST_F(ChestXray, MasksAndImagesComeInPairs) {
  add("COVID/images/a.png");
  add("COVID/images/b.png");
  add_mask("COVID/masks/a.png", 24, 30);
  EXPECT_THAT(error_of(), HasSubstr("COVID/images/b.png] has no mask"));
  add_mask("COVID/masks/b.png", 24, 30);
  add_mask("COVID/masks/c.png", 24, 30);
  EXPECT_THAT(error_of(), HasSubstr("COVID/masks/c.png] a mask without an image"));
}

TEST_F(ChestXray, AMaskOfAnotherShapeIsRefused) {
  add("COVID/images/a.png", 60, 60);
  add_mask("COVID/masks/a.png", 50, 60);
  try {
    plan().items.at(0).read();
    FAIL() << "no error";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("masks/a.png] 50 x 60 pixels, but its image a.png has 60 x 60"));
  }
}

TEST_F(ChestXray, ASecondTreeOfTheSameFilesIsLeftOut) {
  add("chest_xray/train/NORMAL/IM-1-0001.png");
  std::filesystem::create_directories(folder_ / "chest_xray/chest_xray/train");
  std::filesystem::copy(folder_ / "chest_xray/train/NORMAL",
                        folder_ / "chest_xray/chest_xray/train/NORMAL");
  std::filesystem::create_directories(folder_ / "__MACOSX/train/NORMAL");
  std::ofstream(folder_ / "__MACOSX/train/NORMAL/._IM-1-0001.png") << "no image";
  const ConversionPlan found = plan();
  EXPECT_EQ(found.items.size(), 1u);
  EXPECT_THAT(found.notes, ElementsAre(StartsWith("1 files are there twice")));
  add("other/train/NORMAL/IM-1-0001.png", 99, 99);
  EXPECT_THAT(error_of(), HasSubstr("has the name of"));
}

TEST_F(ChestXray, OneStemWithTwoEndingsIsTwoSamples) {
  add("Normal/094.png");
  add("Normal/094.jpg");  // what is inside decides, not the ending
  const auto ids = this->ids(plan());
  EXPECT_TRUE(ids.contains("Normal_094.png"));
  EXPECT_TRUE(ids.contains("Normal_094.jpg"));
}

TEST_F(ChestXray, AnExpressionNamesThePatient) {
  add("covid/p17-day1.png");
  add("covid/p17-day2.png");
  const auto ids = this->ids(plan("(p[0-9]+)-"));
  EXPECT_EQ(ids.at("covid_p17-day1").patient, "p17");
  EXPECT_EQ(ids.at("covid_p17-day2").patient, "p17");
  EXPECT_THAT(error_of("(q[0-9]+)"), HasSubstr("p17-day1"));
}

TEST_F(ChestXray, WithAKeyPatientsAreHashed) {
  add("train/NORMAL/IM-0115-0001.png");
  std::ofstream(folder_ / "key") << "0123456789abcdef0123456789abcdef";
  ConverterOptions options;
  options.source = folder_ / "train";
  options.patient_key = folder_ / "key";
  const std::string patient = plan_chest_xray(options).items.at(0).read().at(0).id.patient;
  EXPECT_THAT(patient, StartsWith("~"));
  EXPECT_EQ(patient.size(), 21u);
}

TEST_F(ChestXray, AFolderWithoutImagesIsRefused) {
  std::ofstream(folder_ / "readme.txt") << "nothing";
  EXPECT_THAT(error_of(), HasSubstr("no images in it"));
}

}  // namespace
}  // namespace medsweep::datasets
