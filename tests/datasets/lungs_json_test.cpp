#include "datasets/converters/lungs_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "datasets/converters/json_list.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr std::int64_t kLungsHeight = 6, kLungsWidth = 8;

/// Nested lists as Python's tolist() gives them.
json nested_lists(const torch::Tensor& tensor) {
  json list = json::array();
  for (std::int64_t i = 0; i < tensor.size(0); ++i) {
    if (tensor.dim() > 1)
      list.push_back(nested_lists(tensor[i]));
    else if (tensor.scalar_type() == torch::kBool)
      list.push_back(tensor[i].item<bool>());
    else
      list.push_back(tensor[i].item<std::int64_t>());
  }
  return list;
}

torch::Tensor made_lungs_image() {
  return torch::arange(kLungsHeight * kLungsWidth * 3).reshape({kLungsHeight, kLungsWidth, 3});
}

torch::Tensor lung_columns(std::int64_t first, std::int64_t last) {
  torch::Tensor mask = torch::zeros({kLungsHeight, kLungsWidth}, torch::kBool);
  mask.slice(0, 1, 5).slice(1, first, last).fill_(true);
  return mask;
}

json made_instance(int id, const char* name, const torch::Tensor& mask) {
  return {{"class_id", id},       {"class_name", name},
          {"bbox", {1, 1, 4, 2}}, {"height", kLungsHeight},
          {"width", kLungsWidth}, {"mask_image", nested_lists(mask.unsqueeze(2))}};
}

/// "left lung" is on the image's left, as the Lungs system writes it.
json made_record(const std::string& file_name) {
  return {{"instance_info",
           {made_instance(0, "background", torch::ones({kLungsHeight, kLungsWidth}, torch::kBool)),
            made_instance(1, "left lung", lung_columns(1, 3)),
            made_instance(2, "right lung", lung_columns(5, 8))}},
          {"image", {{"original_image", nested_lists(made_lungs_image())}}},
          {"image_info",
           {{"image_id", 0},
            {"width", kLungsWidth},
            {"height", kLungsHeight},
            {"file_name", file_name}}}};
}

class LungsJson : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_ / "training_dataset");
    list_ = {made_record("0.jpg"), made_record("1.jpg")};
  }
  std::filesystem::path file() const { return folder_ / "training_dataset" / "dataset.json"; }
  ConversionPlan plan(ConverterOptions options = {}) const {
    write_file_atomically(file(), list_.dump());
    options.source = folder_.path();
    options.output = folder_ / "a.h5";
    return plan_lungs_json(options);
  }
  /// The second image is refused with the text, the first is not.
  void expect_refused(const std::string& text) const {
    const ConversionPlan made = plan();
    EXPECT_EQ(made.items.at(0).read().size(), 1u);
    EXPECT_THAT([&] { made.items.at(1).read(); },
                ThrowsMessage<std::invalid_argument>(
                    AllOf(HasSubstr("dataset.json: image 1] "), HasSubstr(text))));
  }
  TemporaryFolder folder_;
  json list_;
};

TEST_F(LungsJson, TheLungOnTheImagesLeftIsThePatientsRight) {
  const ConversionPlan made = plan();
  EXPECT_THAT(made.header.classes, ElementsAre("left_lung", "right_lung"));
  EXPECT_THAT(made.header.label_codes, ElementsAre(2, 1));
  ASSERT_EQ(made.items.size(), 2u);
  const RawSample sample = made.items[1].read().at(0);
  EXPECT_EQ(sample.id.name, "1");
  EXPECT_EQ(sample.id.patient, "1");
  EXPECT_EQ(sample.id.source, "training_dataset");
  EXPECT_TRUE(torch::equal(sample.image, made_lungs_image().permute({2, 0, 1}).to(torch::kUInt8)));
  EXPECT_TRUE(torch::equal(sample.labels, lung_columns(1, 3).to(torch::kUInt8) * 2 +
                                              lung_columns(5, 8).to(torch::kUInt8)));
}

TEST_F(LungsJson, TheBackgroundIsNoInstance) {
  const Instances instances = plan().items[0].read().at(0).instances;
  EXPECT_TRUE(torch::equal(instances.labels, torch::tensor({1, 2}, torch::kUInt8)));
  EXPECT_TRUE(
      torch::equal(instances.boxes, torch::tensor({{5.F, 1.F, 8.F, 5.F}, {1.F, 1.F, 3.F, 5.F}})));
  EXPECT_TRUE(torch::equal(instances.masks[0], lung_columns(5, 8).to(torch::kUInt8)));
}

TEST_F(LungsJson, GreyIsTheLuminance) {
  const ConversionPlan made = plan({.color = "gray"});
  EXPECT_EQ(made.header.channels, 1);
  const torch::Tensor image = made.items[0].read().at(0).image;
  // 0.299 * 60 + 0.587 * 61 + 0.114 * 62
  EXPECT_EQ(image[0][2][4].item<int>(), 61);
  EXPECT_EQ(image.sizes(), (std::vector<std::int64_t>{1, kLungsHeight, kLungsWidth}));
}

TEST_F(LungsJson, AMaskMayComeAsNumbersAndWithoutItsLastAxis) {
  list_[0]["instance_info"][1]["mask_image"] = nested_lists(lung_columns(1, 3).to(torch::kUInt8));
  EXPECT_EQ(plan().items[0].read().at(0).labels.eq(2).sum().item<int>(), 8);
}

TEST_F(LungsJson, AnImageWithOneLungHasOneInstance) {
  list_[0]["instance_info"].erase(2);
  EXPECT_EQ(plan().items[0].read().at(0).instances.boxes.size(0), 1);
}

TEST_F(LungsJson, WhatIsNotAsItShouldBeIsNamed) {
  const json good = list_[1];
  list_[1]["instance_info"][1]["class_id"] = 2;
  expect_refused("class 2 'left lung'; 0 background, 1 left lung, 2 right lung are allowed");
  list_[1] = good;
  std::swap(list_[1]["instance_info"][1]["mask_image"], list_[1]["instance_info"][2]["mask_image"]);
  expect_refused("its left lung lies right of its right lung");
  list_[1] = good;
  list_[1]["instance_info"][1]["mask_image"][3].erase(0);
  expect_refused("mask_image, row 3: not 8 pixels as in the first");
  list_[1] = good;
  list_[1]["instance_info"][1]["mask_image"].erase(0);
  expect_refused("mask_image of 5 x 8 pixels, but the image has 6 x 8");
  list_[1] = good;
  list_[1]["image"]["original_image"][2][1] = {1, 2};
  expect_refused("original_image, row 2: a pixel is not 3 values");
  list_[1]["image"]["original_image"][2][1] = {1, 2, 256};
  expect_refused("original_image, row 2: a value that is no whole number from 0 to 255");
  list_[1]["image"].clear();
  expect_refused("no 'original_image'; a list of rows is needed");
  list_[1] = good;
  list_[1].erase("image_info");
  expect_refused("no 'image_info'");
}

TEST_F(LungsJson, ATruncatedFileIsNamed) {
  const std::string text = list_.dump();
  write_file_atomically(file(), text.substr(0, text.size() - 20));
  EXPECT_THAT([&] { plan_lungs_json({.source = folder_.path()}); },
              ThrowsMessage<std::runtime_error>(
                  AllOf(HasSubstr("dataset.json] byte"), HasSubstr("ends early"))));
}

class JsonList : public testing::Test {
 protected:
  std::vector<std::string> pieces(const std::string& text) const {
    write_file_atomically(folder_ / "a.json", text);
    std::vector<std::string> found;
    for (const JsonPiece& piece : objects_of_list(folder_ / "a.json"))
      found.push_back(read_piece(folder_ / "a.json", piece));
    return found;
  }
  TemporaryFolder folder_;
};

TEST_F(JsonList, ObjectsAreFoundWhateverTheirTextsSay) {
  EXPECT_THAT(pieces("\xef\xbb\xbf [\n{\"a\": \"]}\\\"{\\\\\"}, {\"b\": [[1], {}]} ]\r\n"),
              ElementsAre("{\"a\": \"]}\\\"{\\\\\"}", "{\"b\": [[1], {}]}"));
  EXPECT_THAT(pieces("[]"), testing::IsEmpty());
}

TEST_F(JsonList, ObjectsLongerThanAnyBufferAreWhole) {
  const std::string object = "{\"a\": \"" + std::string((std::size_t{3} << 20) + 7, 'x') + "\"}";
  EXPECT_THAT(pieces("[" + object + ",{}," + object + "]"), ElementsAre(object, "{}", object));
}

TEST_F(JsonList, WhatIsNoListOfObjectsIsNamed) {
  for (const char* text :
       {"{\"a\": 1}", "[1, 2]", "[[1]]", "[{}] x", "", "[{}", "[{\"a\": \"]", "[\"a\"]", "hello"})
    EXPECT_THAT([&] { pieces(text); }, ThrowsMessage<std::runtime_error>(HasSubstr("a.json] byte")))
        << text;
}

}  // namespace
}  // namespace medsweep::datasets
