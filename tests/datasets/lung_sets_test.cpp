#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/files.h"
#include "datasets/converters/jsrt.h"
#include "datasets/converters/lung_split.h"
#include "datasets/converters/montgomery.h"
#include "datasets/converters/shenzhen.h"
#include "tests/datasets/made_images.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

/// A box of `level` in an image of zeros: columns [x1, x2), rows [10, 40).
torch::Tensor lung_block(std::int64_t x1, std::int64_t x2, int level = 255) {
  torch::Tensor mask = torch::zeros({50, 60}, torch::kUInt8);
  mask.slice(0, 10, 40).slice(1, x1, x2).fill_(level);
  return mask;
}
torch::Tensor lung_pixels(const torch::Tensor& levels) { return levels.ne(0).to(torch::kUInt8); }

torch::Tensor made_xray(int number) {
  return (torch::arange(50 * 60).reshape({50, 60}) * number).remainder(256).to(torch::kUInt8);
}

template <typename Error, typename Matcher>
void expect_plan_error(const std::function<void()>& made, Matcher matcher) {
  EXPECT_THAT(made, ThrowsMessage<Error>(matcher));
}

class Montgomery : public testing::Test {
 protected:
  void SetUp() override {
    add("MCUCXR_0001_0", 1);
    add("MCUCXR_0104_1", 2);
  }
  void add(const std::string& name, int number) const {
    write_made_image(file("CXR_png/" + name + ".png"), made_xray(number));
    write_made_image(file("ManualMask/leftMask/" + name + ".png"), lung_block(35, 50));
    write_made_image(file("ManualMask/rightMask/" + name + ".png"), lung_block(8, 25));
  }
  std::filesystem::path file(const std::string& name) const {
    return folder_ / "MontgomerySet" / name;
  }
  ConversionPlan plan() const { return plan_montgomery({.source = folder_.path()}); }
  TemporaryFolder folder_;
};

TEST_F(Montgomery, BothLungsAreClassesAndInstances) {
  const ConversionPlan found = plan();
  EXPECT_THAT(found.header.classes, ElementsAre("left_lung", "right_lung"));
  EXPECT_EQ(found.header.channels, 1);
  const RawSample sample = samples_of(found).at("MCUCXR_0104_1");
  EXPECT_TRUE(torch::equal(sample.image[0], made_xray(2)));
  EXPECT_TRUE(torch::equal(sample.labels,
                           lung_pixels(lung_block(35, 50)) + 2 * lung_pixels(lung_block(8, 25))));
  EXPECT_TRUE(torch::equal(sample.instances.masks[0], lung_pixels(lung_block(35, 50))));
  EXPECT_TRUE(torch::equal(sample.instances.boxes,
                           torch::tensor({{35.F, 10.F, 50.F, 40.F}, {8.F, 10.F, 25.F, 40.F}})));
  EXPECT_TRUE(torch::equal(sample.instances.labels, torch::tensor({1, 2}, torch::kUInt8)));
}

TEST_F(Montgomery, TheLastDigitIsTheGroup) {
  const auto samples = samples_of(plan());
  EXPECT_EQ(samples.at("MCUCXR_0001_0").id.group, "normal");
  EXPECT_EQ(samples.at("MCUCXR_0104_1").id.group, "tuberculosis");
  EXPECT_EQ(samples.at("MCUCXR_0104_1").id.patient, "MCUCXR_0104");
  EXPECT_EQ(samples.at("MCUCXR_0104_1").id.source, "montgomery");
}

TEST_F(Montgomery, MasksAreThresholdedAtTheMiddle) {
  write_made_image(file("ManualMask/leftMask/MCUCXR_0001_0.png"),
                   lung_block(35, 50) + lung_block(50, 52, 127) + lung_block(33, 35, 128));
  EXPECT_TRUE(torch::equal(samples_of(plan()).at("MCUCXR_0001_0").instances.masks[0],
                           lung_pixels(lung_block(33, 50))));
}

TEST_F(Montgomery, SidesTheOtherWayRoundAreNamed) {
  std::filesystem::rename(file("ManualMask/leftMask"), file("ManualMask/a"));
  std::filesystem::rename(file("ManualMask/rightMask"), file("ManualMask/leftMask"));
  std::filesystem::rename(file("ManualMask/a"), file("ManualMask/rightMask"));
  expect_plan_error<std::invalid_argument>(
      [&] { samples_of(plan()); },
      AllOf(HasSubstr("leftMask/MCUCXR_0001_0.png] the left lung lies left of the right one"),
            HasSubstr("the patient's left is the image's right")));
}

TEST_F(Montgomery, AMissingMaskIsNamed) {
  std::filesystem::remove(file("ManualMask/rightMask/MCUCXR_0104_1.png"));
  expect_plan_error<std::invalid_argument>(
      [&] { plan(); },
      HasSubstr("MCUCXR_0104_1.png] has no mask: rightMask/MCUCXR_0104_1.png is missing"));
  const ConversionPlan skipping =
      plan_montgomery({.source = folder_.path(), .on_bad = ConverterOptions::OnBad::kSkip});
  EXPECT_EQ(skipping.items.size(), 1u);
  EXPECT_EQ(skipping.skipped.size(), 1u);
}

TEST_F(Montgomery, BadMasksAreNamed) {
  const auto mask = file("ManualMask/leftMask/MCUCXR_0001_0.png");
  const auto read = [&] { samples_of(plan()); };
  write_made_image(mask, lung_block(35, 50).slice(1, 1));
  expect_plan_error<std::invalid_argument>(
      read, HasSubstr("MCUCXR_0001_0.png] 50 x 59 pixels, but its image MCUCXR_0001_0.png has"));
  write_made_image(mask, lung_block(35, 35));
  expect_plan_error<std::invalid_argument>(read, HasSubstr("MCUCXR_0001_0.png] an empty mask"));
  write_made_image(mask, lung_block(35, 50).to(torch::kInt16) * 128);
  expect_plan_error<std::invalid_argument>(
      read, HasSubstr("MCUCXR_0001_0.png] 16-bit PNG where 8 bits were expected"));
  write_made_image(mask, lung_block(35, 50));
  std::filesystem::resize_file(mask, std::filesystem::file_size(mask) - 20);
  expect_plan_error<std::runtime_error>(read, HasSubstr("MCUCXR_0001_0.png] cannot be decoded"));
}

TEST_F(Montgomery, AnImageCalledOtherwiseIsNamed) {
  for (const char* folder : {"CXR_png", "ManualMask/leftMask", "ManualMask/rightMask"})
    std::filesystem::rename(file(folder) / "MCUCXR_0001_0.png", file(folder) / "MCUCXR_0001.png");
  expect_plan_error<std::invalid_argument>([&] { plan(); },
                                           HasSubstr("MCUCXR_0001.png] is called"));
}

TEST(MontgomeryReal, ConvertsAsDistributed) {
  const std::filesystem::path source = real_data("montgomery");
  if (source.empty()) GTEST_SKIP() << "the real Montgomery set is absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  const ConverterReport report =
      convert("montgomery", {.source = source, .output = folder / "a.h5"});
  EXPECT_EQ(report.samples, 104);
  const DataFile file(folder / "a.h5");
  std::map<std::string, int> groups;
  for (const SampleId& id : file.samples()) ++groups[id.group];
  EXPECT_EQ(groups["normal"], 60);
  EXPECT_EQ(groups["tuberculosis"], 44);
  const RawSample sample = file.read(50);
  ASSERT_EQ(sample.instances.boxes.size(0), 2);
  EXPECT_GT(sample.instances.boxes[0][0].item<double>(),
            sample.instances.boxes[1][0].item<double>());
  const double lungs = sample.labels.ne(0).to(torch::kFloat64).mean().item<double>();
  EXPECT_GT(lungs, 0.1);
  EXPECT_LT(lungs, 0.6);
}

/// What was drawn apart, put together and divided again.
TEST(MontgomeryReal, DividedMasksAreTheDrawnLungs) {
  const std::filesystem::path source = real_data("montgomery");
  if (source.empty()) GTEST_SKIP() << "the real Montgomery set is absent (MEDSWEEP_TEST_DATA)";
  const ConversionPlan plan = plan_montgomery({.source = source});
  for (std::size_t i = 0; i < plan.items.size(); i += 4) {
    const RawSample sample = plan.items[i].read().at(0);
    const LungSplit split = split_lungs(lung_pixels(sample.labels));
    EXPECT_TRUE(split.by == LungSplitBy::kThirds || split.by == LungSplitBy::kCentroids);
    EXPECT_TRUE(torch::equal(split.left, sample.labels.eq(1).to(torch::kUInt8))) << sample.id.name;
    EXPECT_TRUE(torch::equal(split.right, sample.labels.eq(2).to(torch::kUInt8))) << sample.id.name;
  }
}

class Shenzhen : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"CHNCXR_0001_0", "CHNCXR_0327_1", "CHNCXR_0400_1"})
      write_made_image(image(name), made_xray(3));
    write_made_image(mask("CHNCXR_0001_0"), lung_block(5, 22) + lung_block(38, 55));
    write_made_image(mask("CHNCXR_0327_1"), lung_block(5, 55));
  }
  std::filesystem::path image(const std::string& name) const {
    return folder_ / ("ChinaSet_AllFiles/CXR_png/" + name + ".png");
  }
  std::filesystem::path mask(const std::string& name) const {
    return folder_ / ("mask/mask/" + name + "_mask.png");
  }
  ConversionPlan plan() const { return plan_shenzhen({.source = folder_.path()}); }
  TemporaryFolder folder_;
};

TEST_F(Shenzhen, AMaskOfBothLungsIsDividedIntoThePatientsSides) {
  const ConversionPlan found = plan();
  const auto samples = samples_of(found);
  ASSERT_EQ(samples.size(), 2u);
  const RawSample& sample = samples.at("CHNCXR_0001_0");
  EXPECT_TRUE(torch::equal(sample.labels,
                           lung_pixels(lung_block(38, 55)) + 2 * lung_pixels(lung_block(5, 22))));
  EXPECT_TRUE(torch::equal(sample.instances.masks[1], lung_pixels(lung_block(5, 22))));
  EXPECT_EQ(sample.id.group, "normal");
  EXPECT_EQ(sample.id.patient, "CHNCXR_0001");
  const RawSample& merged = samples.at("CHNCXR_0327_1");
  EXPECT_TRUE(torch::equal(merged.labels,
                           lung_pixels(lung_block(30, 55)) + 2 * lung_pixels(lung_block(5, 30))));
  EXPECT_THAT(found.notes, Contains("1 images have no mask: they are left out (CHNCXR_0400_1)"));
}

TEST_F(Shenzhen, BadMasksAreNamed) {
  write_made_image(mask("CHNCXR_0001_0"), lung_block(5, 5));
  expect_plan_error<std::invalid_argument>([&] { samples_of(plan()); },
                                           HasSubstr("CHNCXR_0001_0_mask.png] an empty mask"));
  std::filesystem::rename(mask("CHNCXR_0001_0"), mask("CHNCXR_0002_0"));
  expect_plan_error<std::invalid_argument>(
      [&] { plan(); },
      HasSubstr("CHNCXR_0002_0_mask.png] has no image: CXR_png/CHNCXR_0002_0.png is missing"));
}

class Jsrt : public testing::Test {
 protected:
  void SetUp() override {
    write_raw("JPCLN001", 0);
    write_masks("fold1", "JPCLN001");
    write_made_image(folder_ / "All247images/JPCNN002.png",
                     made_xray(3).repeat({4, 4}).slice(1, 0, 200));
    write_masks("fold2", "JPCNN002");
  }
  /// Value i % 4096 of pixel i, two bytes, big-endian; `shift` pixels fewer.
  void write_raw(const std::string& name, std::size_t shift) const {
    static const torch::Tensor values = torch::arange(2048 * 2048).remainder(4096);
    static const torch::Tensor pairs =
        torch::stack({values.div(256, "floor"), values.remainder(256)}, 1).to(torch::kUInt8);
    const std::string_view bytes(static_cast<const char*>(pairs.const_data_ptr()),
                                 static_cast<std::size_t>(pairs.numel()) - 2 * shift);
    std::filesystem::create_directories(folder_ / "All247images");
    std::ofstream(folder_ / ("All247images/" + name + ".IMG"), std::ios::binary) << bytes;
  }
  /// [100, 100]: the columns [x1, x2) of the rows 20 to 80.
  static torch::Tensor part(std::int64_t x1, std::int64_t x2) {
    torch::Tensor mask = torch::zeros({100, 100}, torch::kUInt8);
    mask.slice(0, 20, 80).slice(1, x1, x2).fill_(1);
    return mask;
  }
  std::filesystem::path mask(const std::string& fold, const std::string& structure,
                             const std::string& name) const {
    return folder_ / (fold + "/masks/" + structure + "/" + name + ".gif");
  }
  void write_masks(const std::string& fold, const std::string& name) const {
    const std::map<std::string, torch::Tensor> parts{{"left lung", part(55, 90)},
                                                     {"right lung", part(10, 45)},
                                                     {"heart", part(40, 65)},
                                                     {"left clavicle", part(60, 80)},
                                                     {"right clavicle", part(20, 40)}};
    for (const auto& [structure, drawn] : parts) write_made_gif(mask(fold, structure, name), drawn);
  }
  ConversionPlan plan(const std::vector<std::string>& classes = {}) const {
    ConverterOptions options;
    options.source = folder_.path();
    options.classes = classes;
    return plan_jsrt(options);
  }
  /// Brought to another number of rows and columns by the nearest pixel.
  static torch::Tensor enlarged(const torch::Tensor& mask, std::int64_t size) {
    const torch::Tensor from =
        ((torch::arange(size) * 2 + 1) * mask.size(0)).div(size * 2, "floor");
    return mask.index({from}).index({torch::indexing::Slice(), from});
  }
  TemporaryFolder folder_;
};

TEST_F(Jsrt, RawImagesAreBigEndianAndTurnedSoThatBoneIsBright) {
  const RawSample sample = samples_of(plan()).at("JPCLN001");
  EXPECT_EQ(sample.image.scalar_type(), torch::kInt16);
  const torch::Tensor stored = torch::arange(2048 * 2048).remainder(4096).reshape({1, 2048, 2048});
  EXPECT_TRUE(torch::equal(sample.image, (4095 - stored).to(torch::kInt16)));
  EXPECT_THAT(sample.id.spacing, ElementsAre(1, 0.175, 0.175));
}

TEST_F(Jsrt, MasksAreBroughtToTheImagesSize) {
  const auto samples = samples_of(plan());
  const RawSample& raw = samples.at("JPCLN001");
  EXPECT_TRUE(
      torch::equal(raw.labels, enlarged(part(55, 90), 2048) + 2 * enlarged(part(10, 45), 2048)));
  const RawSample& converted = samples.at("JPCNN002");
  EXPECT_TRUE(torch::equal(converted.instances.masks[0], enlarged(part(55, 90), 200)));
  EXPECT_THAT(converted.id.spacing, testing::IsEmpty());
}

TEST_F(Jsrt, GroupAndFoldAreThoseOfJsrtAndScr) {
  const auto samples = samples_of(plan());
  const SampleId &nodule = samples.at("JPCLN001").id, &normal = samples.at("JPCNN002").id;
  EXPECT_EQ(nodule.group, "nodule");
  EXPECT_EQ(nodule.source, "fold1");
  EXPECT_EQ(nodule.fold, 0);
  EXPECT_EQ(normal.group, "normal");
  EXPECT_EQ(normal.source, "fold2");
  EXPECT_EQ(normal.fold, 1);
  EXPECT_EQ(normal.patient, "JPCNN002");
}

TEST_F(Jsrt, ClassesOverlapAsInstancesAndAreDrawnInTheirOrder) {
  const ConversionPlan found = plan({"left_lung", "heart"});
  EXPECT_THAT(found.header.classes, ElementsAre("left_lung", "heart"));
  const RawSample sample = samples_of(found).at("JPCNN002");
  const torch::Tensor lung = enlarged(part(55, 90), 200), heart = enlarged(part(40, 65), 200);
  EXPECT_TRUE(torch::equal(sample.instances.masks, torch::stack({lung, heart})));
  EXPECT_TRUE(torch::equal(sample.labels, torch::where(heart.eq(1), heart * 2, lung)));
}

TEST_F(Jsrt, LeftIsWhatLiesRightInTheImageWhateverItsFolderIsCalled) {
  std::filesystem::rename(mask("fold2", "left lung", "JPCNN002"), folder_ / "a.gif");
  std::filesystem::rename(mask("fold2", "right lung", "JPCNN002"),
                          mask("fold2", "left lung", "JPCNN002"));
  std::filesystem::rename(folder_ / "a.gif", mask("fold2", "right lung", "JPCNN002"));
  EXPECT_TRUE(torch::equal(samples_of(plan()).at("JPCNN002").instances.masks[0],
                           enlarged(part(55, 90), 200)));
  EXPECT_TRUE(torch::equal(samples_of(plan({"right_lung"})).at("JPCNN002").instances.masks[0],
                           enlarged(part(10, 45), 200)));
}

TEST_F(Jsrt, RawImagesOfAnotherSizeAreNamed) {
  write_raw("JPCLN001", 3);
  expect_plan_error<std::invalid_argument>(
      [&] { samples_of(plan()); },
      HasSubstr("JPCLN001.IMG] 8388602 bytes; 8388608 are needed, 2048 x 2048"));
}

TEST_F(Jsrt, TheOtherByteOrderIsNamed) {
  std::string bytes = read_file(folder_ / "All247images/JPCLN001.IMG");
  for (std::size_t i = 0; i < bytes.size(); i += 2) std::swap(bytes[i], bytes[i + 1]);
  std::ofstream(folder_ / "All247images/JPCLN001.IMG", std::ios::binary) << bytes;
  expect_plan_error<std::invalid_argument>(
      [&] { samples_of(plan()); },
      HasSubstr("JPCLN001.IMG] value 4096 at x 16, y 0; 0 to 4095 are allowed, big-endian"));
}

TEST_F(Jsrt, MissingMasksAreNamed) {
  std::filesystem::remove(mask("fold1", "heart", "JPCLN001"));
  EXPECT_EQ(plan().items.size(), 2u);  // nobody asked for hearts
  expect_plan_error<std::invalid_argument>([&] { plan({"heart"}); },
                                           HasSubstr("JPCLN001.IMG] has no mask of heart"));
  std::filesystem::remove(mask("fold1", "left lung", "JPCLN001"));
  expect_plan_error<std::invalid_argument>([&] { plan({"right_lung"}); },
                                           HasSubstr("JPCLN001.IMG] has no mask of left_lung"));
  for (const char* other : {"right lung", "left clavicle", "right clavicle"})
    std::filesystem::remove(mask("fold1", other, "JPCLN001"));
  EXPECT_THAT(plan().notes, ElementsAre("1 images have no masks: they are left out (JPCLN001)"));
}

TEST_F(Jsrt, UnknownClassesAndOtherShapesAreNamed) {
  expect_plan_error<std::invalid_argument>(
      [&] { plan({"liver"}); },
      HasSubstr("unknown class 'liver'; known: left_lung right_lung heart"));
  write_made_gif(mask("fold2", "left lung", "JPCNN002"), part(55, 90).slice(0, 10));
  expect_plan_error<std::invalid_argument>(
      [&] { samples_of(plan()); }, HasSubstr("JPCNN002.gif] 90 x 100 pixels, but its image"));
}

TEST_F(Jsrt, ARawImageCountsBeforeItsConversion) {
  write_made_image(folder_ / "png/JPCLN001.png", made_xray(1));
  EXPECT_EQ(samples_of(plan()).at("JPCLN001").image.size(1), 2048);
}

}  // namespace
}  // namespace medsweep::datasets
