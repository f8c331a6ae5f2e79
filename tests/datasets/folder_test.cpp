#include "datasets/converters/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "tests/datasets/made_images.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class Folder : public testing::Test {
 protected:
  static torch::Tensor levels(int high = 255) {
    return torch::arange(20 * 15)
        .reshape({20, 15})
        .div(7, "floor")
        .remainder(2)
        .mul(high)
        .to(torch::kUInt8);
  }
  static torch::Tensor gray(int number) {
    return (torch::arange(20 * 15).reshape({20, 15}) * number).remainder(256).to(torch::kUInt8);
  }
  static torch::Tensor rgb(int number) {
    return torch::stack({gray(number), gray(number + 1), gray(number + 2)});
  }
  void add(const std::string& file, const torch::Tensor& image) const {
    write_made_image(folder_ / file, image);
  }
  ConversionPlan plan(ConverterOptions options = {}) const {
    options.source = folder_.path();
    return plan_folder(options);
  }
  template <typename Error = std::invalid_argument>
  void expect_refused(const std::string& text, const ConverterOptions& options = {}) const {
    EXPECT_THAT([&] { samples_of(plan(options)); }, ThrowsMessage<Error>(HasSubstr(text)));
  }
  TemporaryFolder folder_;
};

TEST_F(Folder, ImagesAndMasksOfOneNameAreASample) {
  add("images/a.png", gray(3));
  add("masks/a.tif", levels());
  add("images/b.jpg", gray(5));
  add("masks/b.png", levels());
  const ConversionPlan found = plan();
  EXPECT_EQ(found.header.channels, 1);
  EXPECT_THAT(found.header.classes, ElementsAre("foreground"));
  const auto samples = samples_of(found);
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_TRUE(torch::equal(samples.at("a").image[0], gray(3)));
  EXPECT_TRUE(torch::equal(samples.at("a").labels, levels(1)));
  EXPECT_EQ(samples.at("a").id.patient, "a");
  EXPECT_EQ(samples.at("a").id.case_name, "a");
  EXPECT_EQ(samples.at("a").id.source, "");
}

TEST_F(Folder, AFolderAboveIsTheSource) {
  add("train/images/a.png", gray(3));
  add("train/labels/a.png", levels());
  add("test/images/a.png", gray(4));
  add("test/labels/a.png", levels());
  const auto samples = samples_of(plan());
  EXPECT_EQ(samples.at("train_a").id.source, "train");
  EXPECT_EQ(samples.at("test_a").id.source, "test");
}

TEST_F(Folder, PatternsSayWhichFilesBelongTogether) {
  add("scans/p7_01_ct.png", gray(3));
  add("drawn/p7_01_mask.png", levels());
  ConverterOptions options;
  options.images = "*_ct.png";
  options.labels = "drawn/*_mask.png";
  options.patient = "^(p[0-9]+)_";
  const auto samples = samples_of(plan(options));
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples.at("p7_01").id.patient, "p7");
}

TEST_F(Folder, ALabelMapNamesTheGreyLevels) {
  add("images/a.png", gray(3));
  add("masks/a.png", levels(80));
  write_file_atomically(folder_ / "map.csv", "code,name\n80,lung\n160,heart\n");
  ConverterOptions options;
  options.label_map = folder_ / "map.csv";
  EXPECT_THAT(plan(options).header.classes, ElementsAre("lung", "heart"));
  EXPECT_TRUE(torch::equal(samples_of(plan(options)).at("a").labels, levels(1)));
  options.classes = {"heart"};
  EXPECT_THAT(plan(options).header.classes, ElementsAre("heart"));
  EXPECT_EQ(samples_of(plan(options)).at("a").labels.sum().item<int>(), 0);
  add("masks/a.png", levels(81));
  expect_refused("masks/a.png] unknown label 81 at x 7, y 0", options);
}

TEST_F(Folder, ColourIsThatOfTheFirstImageOrTheOneAskedFor) {
  add("images/a.png", rgb(3));
  add("masks/a.png", levels());
  EXPECT_EQ(plan().header.channels, 3);
  EXPECT_TRUE(torch::equal(samples_of(plan()).at("a").image, rgb(3)));
  add("images/b.png", gray(3));
  add("masks/b.png", levels());
  expect_refused("b.png] 1 channels, but the first image has 3; --color rgb or gray");
  ConverterOptions options;
  options.color = "rgb";
  EXPECT_TRUE(torch::equal(samples_of(plan(options)).at("b").image, gray(3).repeat({3, 1, 1})));
  options.color = "gray";
  EXPECT_EQ(plan(options).header.channels, 1);
  EXPECT_EQ(samples_of(plan(options)).at("a").image.size(0), 1);
  options.color = "grey";
  expect_refused("'grey'; rgb and gray are allowed", options);
}

TEST_F(Folder, BadMasksAreNamed) {
  add("images/a.png", gray(3));
  add("masks/a.png", levels(128));
  expect_refused("masks/a.png] unknown label 128 at x 7, y 0");
  expect_refused("need a --label-map");
  add("masks/a.png", levels().to(torch::kInt16) * 10);
  expect_refused("masks/a.png] 16-bit PNG where 8 bits were expected");
  add("masks/a.png", levels().slice(0, 1));
  expect_refused("masks/a.png] 19 x 15 pixels, but its image a.png has 20 x 15");
  add("masks/a.png", rgb(3));
  expect_refused("masks/a.png] a coloured image");
  add("masks/a.png", levels());
  std::filesystem::resize_file(folder_ / "images/a.png", 50);
  expect_refused<std::runtime_error>("images/a.png] cannot be decoded: the PNG ends early");
}

TEST_F(Folder, PartnersThatAreMissingAreNamedOrListed) {
  add("images/a.png", gray(3));
  add("masks/a.png", levels());
  add("images/b.png", gray(3));
  expect_refused("images/b.png] has no mask called 'b'");
  ConverterOptions skip;
  skip.on_bad = ConverterOptions::OnBad::kSkip;
  EXPECT_THAT(plan(skip).skipped, ElementsAre(HasSubstr("images/b.png] has no mask")));
  EXPECT_EQ(plan(skip).items.size(), 1u);
  std::filesystem::remove(folder_ / "images/b.png");
  add("masks/c.png", levels());
  expect_refused("masks/c.png] has no image called 'c'");
}

TEST_F(Folder, TwoImagesOfOneNameAreNamed) {
  add("images/a.png", gray(3));
  add("images/a.jpg", gray(3));
  add("masks/a.png", levels());
  expect_refused("images/a.png] is called 'a' as a.jpg is; one is needed");
}

TEST_F(Folder, OtherFoldersAreNamed) {
  add("scans/a.png", gray(3));
  expect_refused("no images in it; folders 'images' and 'masks', or --images and --labels");
  add("images/a.png", gray(3));
  expect_refused("no masks in it");
}

}  // namespace
}  // namespace medsweep::datasets
