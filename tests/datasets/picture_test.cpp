#include "datasets/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A tile of 100 x 100 that is shown pixel for pixel.
SheetTile flat_tile() {
  SheetTile tile;
  tile.image = torch::arange(10000).reshape({1, 100, 100}).to(torch::kInt16);
  tile.title = "p1_ED/3";
  return tile;
}

const SheetOptions kSmallSheet{.title = "t", .classes = {"rv", "myo"}, .tile = 100, .columns = 6};

/// How many pixels of the sheet have the colour of a label, above the legend's share.
std::int64_t pixels_of_color(const torch::Tensor& sheet, std::int64_t label) {
  const std::vector<std::uint8_t> color = class_color(label);
  return sheet[0]
      .eq(color[0])
      .logical_and(sheet[1].eq(color[1]))
      .logical_and(sheet[2].eq(color[2]))
      .sum()
      .item<std::int64_t>();
}

std::int64_t drawn(const SheetTile& tile, std::int64_t label) {
  return pixels_of_color(contact_sheet({tile}, kSmallSheet), label) -
         pixels_of_color(contact_sheet({flat_tile()}, kSmallSheet), label);
}

TEST(Picture, LabelsAreOutlinedInTheirClassesColor) {
  SheetTile tile = flat_tile();
  tile.labels = torch::zeros({100, 100}, torch::kUInt8);
  tile.labels.slice(0, 20, 40).slice(1, 30, 70).fill_(2);  // 20 x 40: its border has 116 pixels
  EXPECT_EQ(drawn(tile, 2), 116);
  EXPECT_EQ(drawn(tile, 1), 0);
}

TEST(Picture, InstancesAreBoxesAndCrowdsAreNotInTheClassColor) {
  SheetTile tile = flat_tile();
  tile.instances.boxes =
      torch::tensor({10.0F, 10.0F, 30.0F, 50.0F, 60.0F, 60.0F, 90.0F, 90.0F}).reshape({2, 4});
  tile.instances.labels = torch::tensor({1, 1}, torch::kUInt8);
  tile.instances.ignore = torch::tensor({0, 1}, torch::kUInt8);
  EXPECT_EQ(drawn(tile, 1), 2 * 20 + 2 * 40 - 4);
}

TEST(Picture, MasksOfInstancesAreOutlinedWhereThereIsNoLabelMap) {
  SheetTile tile = flat_tile();
  tile.instances.boxes = torch::tensor({10.0F, 10.0F, 50.0F, 50.0F}).reshape({1, 4});
  tile.instances.labels = torch::tensor({1}, torch::kUInt8);
  tile.instances.ignore = torch::tensor({0}, torch::kUInt8);
  const std::int64_t box = drawn(tile, 1);
  tile.instances.masks = torch::zeros({1, 100, 100}, torch::kUInt8);
  tile.instances.masks[0].slice(0, 20, 30).slice(1, 20, 30).fill_(1);
  EXPECT_EQ(drawn(tile, 1), box + 36);
  tile.labels = torch::zeros({100, 100}, torch::kUInt8);
  EXPECT_EQ(drawn(tile, 1), box);
}

TEST(Picture, ValuesFromOneToNinetyNinePercentBecomeBlackToWhite) {
  const torch::Tensor sheet = contact_sheet({flat_tile()}, kSmallSheet);
  const std::int64_t top = sheet.size(1) - 100 - 50;  // the picture's first row: two lines below it
  const torch::Tensor picture = sheet[0].narrow(0, top, 100).narrow(0, 0, 100).narrow(1, 10, 100);
  EXPECT_EQ(picture[0][0].item<int>(), 0);
  EXPECT_EQ(picture[99][99].item<int>(), 255);
  EXPECT_NEAR(picture[50][0].item<double>(), 127.5, 1.5);
  EXPECT_EQ(picture[98][99].item<int>(), 255) << "above 99 percent";
  EXPECT_LT(picture[98][50].item<int>(), 255);
}

TEST(Picture, OutsideTheFieldOfViewIsDimmedAndDoesNotStretch) {
  SheetTile tile = flat_tile();
  tile.image.fill_(1000);
  tile.image[0].slice(0, 0, 50) = torch::arange(5000).reshape({50, 100}).to(torch::kInt16) % 101;
  tile.image[0][99][99] = 30000;  // outside: no reason to make the rest dark
  tile.field_of_view = torch::zeros({100, 100}, torch::kUInt8);
  tile.field_of_view.slice(0, 0, 50).fill_(1);
  const torch::Tensor sheet = contact_sheet({tile}, kSmallSheet);
  const torch::Tensor picture = sheet[0].narrow(0, sheet.size(1) - 150, 100).narrow(1, 10, 100);
  EXPECT_EQ(picture.slice(0, 0, 50).max().item<int>(), 255);
  EXPECT_EQ(picture.slice(0, 50, 100).max().item<int>(), 89) << "0.35 of white";
}

TEST(Picture, ColorImagesStayColored) {
  SheetTile tile = flat_tile();
  tile.image = torch::zeros({3, 100, 100}, torch::kUInt8);
  tile.image[0].slice(1, 0, 50).fill_(200);
  const torch::Tensor sheet = contact_sheet({tile}, kSmallSheet);
  const std::int64_t row = sheet.size(1) - 100;
  EXPECT_EQ(sheet[0][row][30].item<int>(), 255);
  EXPECT_EQ(sheet[1][row][30].item<int>(), 0);
}

TEST(Picture, TilesStandInRowsAndSixInEach) {
  const SheetTile tile = flat_tile();
  const auto size = [&](std::size_t tiles, const SheetOptions& options) {
    const torch::Tensor sheet = contact_sheet(std::vector(tiles, tile), options);
    return std::pair(sheet.size(1), sheet.size(2));
  };
  EXPECT_EQ(size(6, kSmallSheet).first, size(1, kSmallSheet).first);
  EXPECT_EQ(size(6, kSmallSheet).second, 10 + 6 * 110);
  EXPECT_EQ(size(7, kSmallSheet).first - size(6, kSmallSheet).first, 100 + 2 * 20 + 10);
  EXPECT_THROW(contact_sheet(std::vector<SheetTile>{}, kSmallSheet), std::invalid_argument);
}

TEST(Picture, NamesOfAnyLengthAndSignAreNoError) {
  SheetTile tile = flat_tile();
  tile.title = std::string(500, 'x') + "\xC3\xA4";
  SheetOptions options = kSmallSheet;
  options.classes.assign(250, "a class of many");
  EXPECT_NO_THROW(contact_sheet({tile}, options));
}

TEST(Picture, ManyClassesHaveDifferentColors) {
  std::set<std::string> colors;
  for (std::int64_t label = 1; label <= 60; ++label) {
    const auto color = class_color(label);
    colors.insert(std::string(color.begin(), color.end()));
  }
  EXPECT_GT(colors.size(), 55u);
}

TEST(Picture, SamplesAreSpreadOverTheFile) {
  const TemporaryFolder folder;
  write_made_file(folder / "a.h5", 50);
  const DataFile file(folder / "a.h5");
  const std::vector<SheetTile> tiles = sheet_tiles(file, 5);
  std::vector<std::string> titles;
  for (const SheetTile& tile : tiles) titles.push_back(tile.title);
  EXPECT_THAT(titles,
              ElementsAre(file.samples()[5].name, file.samples()[15].name, file.samples()[25].name,
                          file.samples()[35].name, file.samples()[45].name));
  EXPECT_EQ(sheet_tiles(file).size(), 24u);
  EXPECT_TRUE(contact_sheet(file).equal(contact_sheet(file)));
}

TEST(Picture, OfAVolumeTheMiddleAndTheFullestSliceAreShown) {
  const TemporaryFolder folder;
  DataFileWriter writer(folder / "v.h5",
                        {.name = "v", .classes = {"a"}, .channels = 1, .dimension = 3});
  RawSample sample;
  sample.image = torch::arange(9 * 20 * 30).reshape({1, 9, 20, 30}).to(torch::kInt16);
  sample.labels = torch::zeros({9, 20, 30}, torch::kUInt8);
  sample.labels[4][0][0] = 1;
  sample.labels[7].fill_(1);
  sample.id.name = sample.id.case_name = sample.id.patient = "p";
  writer.add(sample);
  sample.id.name = sample.id.case_name = sample.id.patient = "q";
  sample.labels = torch::Tensor();
  writer.add(sample);
  writer.finish();
  const std::vector<SheetTile> tiles = sheet_tiles(DataFile(folder / "v.h5"));
  ASSERT_EQ(tiles.size(), 3u);
  EXPECT_THAT(tiles[0].subtitle, HasSubstr("slice 4 of 9"));
  EXPECT_THAT(tiles[1].subtitle, HasSubstr("slice 7 of 9"));
  EXPECT_TRUE(tiles[1].image.equal(sample.image.select(1, 7)));
  EXPECT_EQ(tiles[1].labels.sum().item<int>(), 600);
  EXPECT_EQ(tiles[2].title, "q");
  EXPECT_THAT(tiles[2].subtitle, HasSubstr("no labels"));
}

}  // namespace
}  // namespace medsweep::datasets
