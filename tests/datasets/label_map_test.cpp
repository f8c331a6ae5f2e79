#include "datasets/converters/label_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "base/files.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

torch::Tensor volume_of(std::vector<std::int32_t> codes) {
  const auto count = static_cast<std::int64_t>(codes.size());
  return torch::tensor(codes, torch::kInt32).reshape({1, 1, count});
}

std::vector<std::int64_t> labels_in(const torch::Tensor& labels) {
  const torch::Tensor flat = labels.flatten().to(torch::kInt64);
  return {flat.data_ptr<std::int64_t>(), flat.data_ptr<std::int64_t>() + flat.numel()};
}

TEST(LabelMap, CodesBecomeLabelsAndCodesOfOneNameAreMerged) {
  const LabelMap map({{4, "ventricle"}, {207, "pole"}, {43, "ventricle"}});
  EXPECT_THAT(map.classes(), ElementsAre("ventricle", "pole"));
  EXPECT_THAT(map.codes(), ElementsAre(4, 207));
  for (const torch::ScalarType type : {torch::kUInt8, torch::kInt16, torch::kInt32, torch::kInt64})
    EXPECT_THAT(labels_in(map.labels_of(volume_of({0, 4, 43, 207}).to(type), "a")),
                ElementsAre(0, 1, 1, 2));
}

TEST(LabelMap, AnUnknownCodeIsNamedWithItsPlace) {
  const LabelMap map({{4, "ventricle"}, {207, "pole"}});
  torch::Tensor codes = torch::zeros({2, 3, 4}, torch::kInt16);
  codes[1][2][3] = 77;
  EXPECT_THAT([&] { map.labels_of(codes, "a.nii"); },
              ThrowsMessage<std::invalid_argument>(
                  "[a.nii] unknown label 77 at x 3, y 2, z 1; 0, 4, 207 are allowed"));
  EXPECT_THAT([&] { map.labels_of(volume_of({-1}), "a.nii"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("unknown label -1")));
}

TEST(LabelMap, ASubsetIsInItsOwnOrderAndTheRestIsBackground) {
  const LabelMap map = LabelMap({{4, "a"}, {5, "b"}, {6, "c"}, {7, "a"}}).only({"c", "a"});
  EXPECT_THAT(map.classes(), ElementsAre("c", "a"));
  EXPECT_THAT(map.codes(), ElementsAre(6, 4));
  EXPECT_THAT(labels_in(map.labels_of(volume_of({0, 4, 5, 6, 7}), "a")),
              ElementsAre(0, 2, 0, 1, 2));
  EXPECT_THAT([&] { map.only({"d"}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("unknown class 'd'; there are c, a")));
}

TEST(LabelMap, WhatCannotBeAMapIsRefused) {
  using Entries = std::vector<LabelMap::Entry>;
  EXPECT_THAT(
      [] {
        LabelMap(Entries{{4, "a"}, {4, "b"}});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("code 4 has two names")));
  EXPECT_THAT(
      [] {
        LabelMap(Entries{{70000, "a"}});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("code 70000 of a")));
  EXPECT_THAT(
      [] {
        LabelMap(Entries{{0, "a"}, {3, "background"}});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("0 classes")));
  Entries many;
  for (int i = 1; i <= 256; ++i) many.push_back({i, std::to_string(i)});
  EXPECT_THAT([&] { LabelMap{many}; },
              ThrowsMessage<std::invalid_argument>(HasSubstr("256 classes")));
}

class LabelMapFile : public testing::Test {
 protected:
  LabelMap read(const std::string& name, const std::string& text) const {
    write_file_atomically(folder_ / name, text);
    return read_label_map(folder_ / name);
  }
  void expect_refused(const std::string& name, const std::string& text, const char* part) const {
    EXPECT_THAT([&] { read(name, text); },
                ThrowsMessage<std::invalid_argument>(
                    testing::AllOf(HasSubstr((folder_ / name).string()), HasSubstr(part))));
  }
  TemporaryFolder folder_;
};

TEST_F(LabelMapFile, LinesOfCodeAndNameAreAMap) {
  const LabelMap map = read("map.txt",
                            "\xEF\xBB\xBF# FreeSurfer\r\n"
                            "0   Unknown                  0   0   0   0\r\n"
                            "2   Left-Cerebral-White-Matter  245 245 245 0\r\n"
                            "\r\n"
                            "14\t3rd Ventricle\r\n"
                            "17 255 0 0 1 1 1 \"Left Hippocampus\"\r\n"
                            "*  background\r\n");
  EXPECT_THAT(map.classes(),
              ElementsAre("Left-Cerebral-White-Matter", "3rd_Ventricle", "Left_Hippocampus"));
  EXPECT_THAT(map.codes(), ElementsAre(2, 14, 17));
  EXPECT_THAT(labels_in(map.labels_of(volume_of({0, 2, 14, 17, 99}), "a")),
              ElementsAre(0, 1, 2, 3, 0));
}

TEST_F(LabelMapFile, ACsvTableIsAMap) {
  const LabelMap map = read("map.csv", "Name,Index\nmyocardium,1\n\"blood pool\",2\n");
  EXPECT_THAT(map.classes(), ElementsAre("myocardium", "blood_pool"));
  EXPECT_THAT(map.codes(), ElementsAre(1, 2));
}

TEST_F(LabelMapFile, TheXmlOfMalcIsAMap) {
  const LabelMap map = read("1000_3_glm_LabelMap.xml",
                            "<?xml version=\"1.0\"?>\n<LabelList>\n"
                            "<Label>\n  <Name>3rd Ventricle</Name>\n  <Number>4</Number>\n"
                            "  <RGBColor>1 2 3</RGBColor>\n</Label>\n"
                            "<Label><Number>207</Number><Name>TTG</Name></Label>\n</LabelList>");
  EXPECT_THAT(map.classes(), ElementsAre("3rd_Ventricle", "TTG"));
  EXPECT_THAT(map.codes(), ElementsAre(4, 207));
}

TEST_F(LabelMapFile, WhatIsNoMapIsNamedWithItsLine) {
  expect_refused("map.txt", "1 a\nx b\n", "line 2] code 'x'; a whole number or * is allowed");
  expect_refused("map.txt", "1 a\n2\n", "line 2] code 2 without a name");
  expect_refused("map.txt", "1 a\n* other\n", "line 2] * is called 'other'");
  expect_refused("map.txt", "1 a\n1 b\n", "code 1 has two names");
  expect_refused("map.txt", "", "0 classes");
  expect_refused("map.csv", "a,b\n1,2\n", "no column 'code'");
  expect_refused("map.xml", "<Label><Name>a</Name></Label>", "label 1] a <Label> without");
  EXPECT_THAT([&] { read_label_map(folder_ / "none.txt"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("none.txt] no such file")));
}

}  // namespace
}  // namespace medsweep::datasets
