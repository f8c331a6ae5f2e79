#include "datasets/converters/coco.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/files.h"
#include "datasets/converters/coco_annotations.h"
#include "datasets/converters/run_lengths.h"
#include "tests/datasets/made_images.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

constexpr auto kSkipBad = ConverterOptions::OnBad::kSkip;

/// Two images of 8 x 10 with annotations in every form, to be damaged.
class Coco : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "b", "c"})
      write_made_image(folder_ / fmt::format("in/train/patient1_{}.png", name), made_rgb(*name));
    annotations_ = json::parse(R"({
      "images": [{"id": 5, "file_name": "patient1_a.png", "height": 8, "width": 10},
                 {"id": 3, "file_name": "train/patient1_b.png", "height": 8, "width": 10},
                 {"id": 9, "file_name": "patient1_c.png", "height": 8, "width": 10}],
      "categories": [{"id": 90, "name": "Left Lung"}, {"id": 7, "name": "nodule"}],
      "annotations": [
        {"id": 1, "image_id": 5, "category_id": 7, "bbox": [2, 2, 2, 2], "iscrowd": 0,
         "segmentation": [[2, 2, 4, 2, 4, 4, 2, 4]]},
        {"id": 2, "image_id": 5, "category_id": 90, "bbox": [0, 0, 6, 8], "iscrowd": 0,
         "segmentation": [[0, 0, 6, 0, 6, 6, 0, 6], [0, 7, 6, 7, 6, 8, 0, 8]]},
        {"id": 3, "image_id": 5, "category_id": 90, "bbox": [5, 0, 5, 8], "iscrowd": 1,
         "segmentation": {"size": [8, 10], "counts": [40, 40]}},
        {"id": 4, "image_id": 3, "category_id": 7, "bbox": [1, 0, 1, 8],
         "segmentation": {"size": [8, 10], "counts": "88P2"}},
        {"id": 5, "image_id": 3, "category_id": 7, "bbox": [6, 4, 3, 2]}]})");
  }
  static torch::Tensor made_rgb(int number) {
    return (torch::arange(3 * 8 * 10).reshape({3, 8, 10}) * number)
        .remainder(256)
        .to(torch::kUInt8);
  }
  ConversionPlan plan(ConverterOptions options = {}) const {
    write_file_atomically(folder_ / "in/instances.json", annotations_.dump());
    options.source = folder_ / "in";
    options.output = folder_ / "lungs.h5";
    return plan_coco(options);
  }
  json& entry(std::size_t i) { return annotations_["annotations"][i]; }

  /// The whole conversion stops with the text; with kSkipBad the rest goes on and the text is
  /// listed.
  void expect_bad(const std::string& text) const {
    EXPECT_THAT([&] { plan(); }, ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
    EXPECT_THAT(plan({.on_bad = kSkipBad}).skipped, ElementsAre(HasSubstr(text)));
  }
  TemporaryFolder folder_;
  json annotations_;
};

torch::Tensor coco_rectangle(std::int64_t x1, std::int64_t y1, std::int64_t x2, std::int64_t y2) {
  torch::Tensor mask = torch::zeros({8, 10}, torch::kUInt8);
  mask.slice(0, y1, y2).slice(1, x1, x2).fill_(1);
  return mask;
}

TEST_F(Coco, EveryFormOfAnnotationBecomesBoxLabelAndMask) {
  const ConversionPlan made = plan();
  EXPECT_EQ(made.header.name, "lungs");
  EXPECT_THAT(made.header.classes, ElementsAre("nodule", "left_lung"));
  EXPECT_THAT(made.header.label_codes, ElementsAre(7, 90));
  EXPECT_EQ(made.header.channels, 3);
  ASSERT_EQ(made.items.size(), 3u);
  const RawSample first = made.items[0].read().at(0), second = made.items[1].read().at(0);
  EXPECT_TRUE(torch::equal(first.image, made_rgb('a')));
  EXPECT_TRUE(torch::equal(
      first.instances.boxes,
      torch::tensor({{2.F, 2.F, 4.F, 4.F}, {0.F, 0.F, 6.F, 8.F}, {5.F, 0.F, 10.F, 8.F}})));
  EXPECT_TRUE(torch::equal(first.instances.labels, torch::tensor({1, 2, 2}, torch::kUInt8)));
  EXPECT_TRUE(torch::equal(first.instances.ignore, torch::tensor({0, 0, 1}, torch::kUInt8)));
  EXPECT_TRUE(torch::equal(first.instances.masks[0], coco_rectangle(2, 2, 4, 4)));
  EXPECT_TRUE(torch::equal(first.instances.masks[1],
                           coco_rectangle(0, 0, 6, 6) + coco_rectangle(0, 7, 6, 8)));
  EXPECT_TRUE(torch::equal(first.instances.masks[2], coco_rectangle(5, 0, 10, 8)));
  EXPECT_TRUE(torch::equal(second.instances.masks[0], coco_rectangle(1, 0, 2, 8)));
  EXPECT_TRUE(torch::equal(second.instances.masks[1], coco_rectangle(6, 4, 9, 6)));
  EXPECT_THAT(made.notes, ElementsAre("1 objects have no mask: their box is filled"));
}

TEST_F(Coco, SmallObjectsStayVisibleAndCrowdsCountNowhere) {
  const RawSample sample = plan().items[0].read().at(0);
  const torch::Tensor lung = coco_rectangle(0, 0, 6, 6) + coco_rectangle(0, 7, 6, 8);
  EXPECT_TRUE(torch::equal(sample.labels, lung * 2 - coco_rectangle(2, 2, 4, 4)));
  // The crowd is columns 5 to 9; where the lung lies over it the label is known.
  EXPECT_TRUE(torch::equal(
      sample.field_of_view,
      1 - coco_rectangle(5, 0, 10, 8) + coco_rectangle(5, 0, 6, 6) + coco_rectangle(5, 7, 6, 8)));
  EXPECT_FALSE(plan().items[1].read().at(0).field_of_view.defined());
}

TEST_F(Coco, AnImageWithoutAnnotationsIsKept) {
  const RawSample sample = plan().items[2].read().at(0);
  EXPECT_EQ(sample.instances.boxes.sizes(), (std::vector<std::int64_t>{0, 4}));
  EXPECT_EQ(sample.instances.masks.sizes(), (std::vector<std::int64_t>{0, 8, 10}));
  EXPECT_EQ(sample.labels.sum().item<int>(), 0);
}

TEST_F(Coco, NamesAreTheFilesAndThePatientIsWhatTheExpressionFinds) {
  const SampleId alone = plan().items[1].read().at(0).id;
  EXPECT_EQ(alone.name, "patient1_b");
  EXPECT_EQ(alone.case_name, "patient1_b");
  EXPECT_EQ(alone.patient, "patient1_b");
  EXPECT_EQ(alone.source, "train");
  EXPECT_EQ(plan({.patient = "(.*)_"}).items[1].read().at(0).id.patient, "patient1");
  write_file_atomically(folder_ / "key", "sixteen bytes at least");
  ConverterOptions keyed;
  keyed.patient = "(.*)_";
  keyed.patient_key = folder_ / "key";
  const std::string hashed = plan(keyed).items[1].read().at(0).id.patient;
  EXPECT_EQ(hashed.size(), 21u);
  EXPECT_EQ(hashed.front(), '~');
}

TEST_F(Coco, ASubsetOfClassesLeavesTheOthersOut) {
  const ConversionPlan made = plan({.classes = {"left lung"}});
  EXPECT_THAT(made.header.classes, ElementsAre("left_lung"));
  EXPECT_THAT(made.header.label_codes, ElementsAre(90));
  EXPECT_EQ(made.items[0].read().at(0).instances.boxes.size(0), 2);
  EXPECT_EQ(made.items[0].read().at(0).labels.max().item<int>(), 1);
  EXPECT_EQ(made.items[1].read().at(0).instances.boxes.size(0), 0);
  EXPECT_THAT([&] { plan({.classes = {"right lung"}}); },
              ThrowsMessage<std::invalid_argument>(
                  AllOf(HasSubstr("right lung"), HasSubstr("did you mean 'Left Lung'"))));
}

TEST_F(Coco, GreyImagesHaveOneChannel) {
  const ConversionPlan made = plan({.color = "gray"});
  EXPECT_EQ(made.header.channels, 1);
  EXPECT_EQ(made.items[0].read().at(0).image.size(0), 1);
  EXPECT_THAT([&] { plan({.color = "grey"}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("'grey'; rgb and gray are allowed")));
}

TEST_F(Coco, WithBoxesAloneThereAreNoMasksAndNoLabelMap) {
  for (json& row : annotations_["annotations"]) row.erase("segmentation");
  const ConversionPlan made = plan();
  const RawSample sample = made.items[0].read().at(0);
  EXPECT_EQ(sample.instances.boxes.size(0), 3);
  EXPECT_FALSE(sample.instances.masks.defined());
  EXPECT_FALSE(sample.labels.defined());
  EXPECT_THAT(made.notes, IsEmpty());
}

TEST_F(Coco, WithoutABoxItIsTheMasks) {
  for (json& row : annotations_["annotations"])
    if (row.contains("segmentation")) row.erase("bbox");
  EXPECT_TRUE(torch::equal(
      plan().items[0].read().at(0).instances.boxes,
      torch::tensor({{2.F, 2.F, 4.F, 4.F}, {0.F, 0.F, 6.F, 8.F}, {5.F, 0.F, 10.F, 8.F}})));
  entry(4).erase("bbox");
  expect_bad("annotation 5] neither bbox nor segmentation");
}

TEST_F(Coco, ABoxBeyondTheImageIsClippedAloud) {
  entry(4)["bbox"] = {6, 4, 30, 2};
  const ConversionPlan made = plan();
  EXPECT_TRUE(torch::equal(made.items[1].read().at(0).instances.boxes[1],
                           torch::tensor({6.F, 4.F, 10.F, 6.F})));
  EXPECT_THAT(
      made.notes,
      testing::Contains("1 boxes reached beyond their image and were clipped: annotations 5"));
}

TEST_F(Coco, ABoxWithoutAreaIsLeftOutAloud) {
  entry(4)["bbox"] = {6, 4, 0, 2};
  const ConversionPlan made = plan();
  EXPECT_EQ(made.items[1].read().at(0).instances.boxes.size(0), 1);
  EXPECT_THAT(made.notes, ElementsAre("1 objects have a box without area and were left out: "
                                      "annotations 5"));
}

TEST_F(Coco, ABoxOutsideTheImageIsNamed) {
  entry(4)["bbox"] = {11, 4, 3, 2};
  expect_bad("instances.json: annotation 5] box 11 4 3 2 lies outside its image of 10 x 8");
  const ConversionPlan made = plan({.on_bad = kSkipBad});
  EXPECT_EQ(made.items.size(), 3u);
  EXPECT_EQ(made.items[1].read().at(0).instances.boxes.size(0), 1);
}

TEST_F(Coco, BadSegmentationsAreNamed) {
  entry(0)["segmentation"] = json::parse("[[2, 2, 4, 2]]");
  expect_bad("annotation 1] a polygon with 2 points; at least 3 are allowed");
  entry(0)["segmentation"] = json::parse(R"([[2, 2, 4, 2, "x", 4]])");
  expect_bad("annotation 1] its polygon holds a string; numbers are allowed");
  entry(0)["segmentation"] = "none";
  expect_bad("annotation 1] segmentation is a string");
  entry(0)["segmentation"] = nullptr;
  entry(2)["segmentation"]["counts"] = {40, 39};
  expect_bad("annotation 3] runs of 79 pixels in all, but a mask of 8 x 10 has 80");
  entry(2)["segmentation"]["counts"] = "88";
  expect_bad("annotation 3] runs of 16 pixels in all");
  entry(2)["segmentation"]["size"] = {10, 8};
  expect_bad("annotation 3] run lengths of 10 x 8 pixels, but its image has 8 x 10");
  entry(2)["segmentation"] = json::parse(R"({"counts": 3, "size": [8, 10]})");
  expect_bad("annotation 3] its counts are no list and no text");
}

TEST_F(Coco, WhatRefersToNothingIsNamed) {
  entry(0)["image_id"] = 77;
  expect_bad("annotation 1] image 77 is not among 'images'");
  entry(0)["image_id"] = "5";
  expect_bad("annotation 1] 'image_id' is a string; a whole number is allowed");
  entry(0)["image_id"] = 5;
  entry(0)["category_id"] = 8;
  expect_bad("annotation 1] category 8 is not among 'categories'");
}

TEST_F(Coco, AnImageThatIsMissingIsNamed) {
  std::filesystem::remove(folder_ / "in/train/patient1_c.png");
  expect_bad("instances.json: image 9] no file patient1_c.png");
  EXPECT_EQ(plan({.on_bad = kSkipBad}).items.size(), 2u);
}

TEST_F(Coco, TwoFilesOfOneNameAreToldApartByTheirFolders) {
  write_made_image(folder_ / "in/val/patient1_b.png", made_rgb('z'));
  EXPECT_TRUE(torch::equal(plan().items[1].read().at(0).image, made_rgb('b')));
  write_made_image(folder_ / "in/val/patient1_a.png", made_rgb('z'));
  expect_bad("image 5] several files");
}

TEST_F(Coco, AnImageOfAnotherSizeIsNamed) {
  write_made_image(folder_ / "in/train/patient1_b.png", torch::zeros({8, 9}, torch::kUInt8));
  EXPECT_THAT([&] { plan().items[1].read(); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("patient1_b.png] 8 x 9 pixels, but instances.json says 8 x 10")));
}

TEST_F(Coco, TheJsonIsChosenOnlyWhereThereIsNoChoice) {
  plan();
  write_file_atomically(folder_ / "in/captions.json", "{}");
  EXPECT_EQ(plan().items.size(), 3u);
  std::filesystem::copy(folder_ / "in/instances.json", folder_ / "in/instances_val.json");
  EXPECT_THAT([&] { plan(); }, ThrowsMessage<std::invalid_argument>(AllOf(
                                   HasSubstr("2 JSON files"), HasSubstr("--annotations FILE"))));
  EXPECT_EQ(plan({.annotations = folder_ / "in/instances.json"}).items.size(), 3u);
  EXPECT_THAT([&] { plan({.annotations = folder_ / "in/captions.json"}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("no 'images' or no 'categories'")));
}

TEST_F(Coco, ATruncatedJsonIsNamedWithItsPlaceAndNoneOfItsText) {
  const std::string text = annotations_.dump();
  write_file_atomically(folder_ / "in/instances.json", text.substr(0, 300));
  EXPECT_THAT([&] { plan_coco({.source = folder_ / "in", .output = folder_ / "a.h5"}); },
              ThrowsMessage<std::runtime_error>(
                  testing::EndsWith("instances.json] no JSON from byte 301 on: truncated or "
                                    "damaged")));
}

/// tests/golden/coco.py asked pycocotools.
TEST(CocoReal, EveryMaskEqualsThatOfPycocotools) {
  const json golden = json::parse(read_file(MEDSWEEP_SOURCE_DIR "/tests/golden/coco.json"));
  for (const json& row : golden.at("real")) {
    const std::filesystem::path path = real_data(row.at("file").get<std::string>());
    if (path.empty()) GTEST_SKIP() << row.at("file") << " is absent (MEDSWEEP_TEST_DATA)";
    std::vector<std::string> skipped;
    const CocoAnnotations coco = read_coco(path, ConverterOptions::OnBad::kStop, skipped);
    std::string lines;
    for (const CocoObject& object : coco.objects) {
      const CocoImage& image = coco.images[object.image];
      const RunLengths runs =
          encode_mask(mask_of(object, image, "golden"), image.height, image.width);
      lines += fmt::format("{} {}\n", object.id, text_from_runs(runs));
    }
    EXPECT_EQ(coco.objects.size(), row.at("annotations").get<std::size_t>());
    EXPECT_EQ(sha256_hex(lines), row.at("sha256").get<std::string>()) << row.at("file");
  }
}

TEST(CocoReal, ConvertsCocoWithItsCrowdsAndCategories) {
  const std::filesystem::path source = real_data("coco_tiny");
  if (source.empty()) GTEST_SKIP() << "coco_tiny is absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  const ConverterReport report =
      convert("coco", {.source = source, .output = folder / "coco_tiny.h5"});
  EXPECT_EQ(report.samples, 80);
  const DataFile file(folder / "coco_tiny.h5");
  EXPECT_EQ(file.header().name, "coco_tiny");
  EXPECT_EQ(file.classes().size(), 80u);
  EXPECT_EQ(file.header().label_codes.back(), 90);
  std::int64_t objects = 0, crowds = 0, outside = 0;
  for (std::int64_t i = 0; i < 80; ++i) {
    const RawSample sample = file.read(i);
    objects += sample.instances.boxes.size(0);
    crowds += sample.instances.ignore.sum().item<std::int64_t>();
    outside += sample.field_of_view.defined() ? 1 : 0;
  }
  EXPECT_EQ(objects, 705);
  EXPECT_EQ(crowds, 6);
  EXPECT_EQ(outside, 5);  // two crowds share an image
}

TEST(CocoReal, ConvertsGreyColouredAndTransparentXRays) {
  const std::filesystem::path source = real_data("covid_cxr");
  if (source.empty()) GTEST_SKIP() << "covid_cxr is absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  const ConverterReport report = convert("coco", {.source = source,
                                                  .output = folder / "lungs.h5",
                                                  .color = "gray",
                                                  .annotations = source / "instances_lungs.json",
                                                  .patient = "^(.*?)(?:-day[0-9]+)?$"});
  EXPECT_EQ(report.samples, 40);
  const DataFile file(folder / "lungs.h5");
  EXPECT_THAT(file.classes(), ElementsAre("right_lung", "left_lung"));
  EXPECT_EQ(file.channels(), 1);
  std::set<std::string> patients;
  for (const SampleId& id : file.samples()) patients.insert(id.patient);
  EXPECT_EQ(patients.size(), 38u);
  EXPECT_TRUE(patients.contains("41591_2020_819_Fig1_HTML.webp"));
}

}  // namespace
}  // namespace medsweep::datasets
