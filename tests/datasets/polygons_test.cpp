#include "datasets/converters/polygons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "datasets/converters/run_lengths.h"

namespace medsweep::datasets {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::ThrowsMessage;

template <typename Matcher>
void expect_polygon_refused(const std::vector<Polygon>& polygons, Matcher matcher,
                            std::int64_t height = 8, std::int64_t width = 8) {
  EXPECT_THAT([&] { fill_polygons(polygons, height, width, "a.json: annotation 7"); },
              ThrowsMessage<std::invalid_argument>(matcher));
}

TEST(PolygonsTest, ASquareCoversItsPixels) {
  const std::vector<std::uint8_t> mask = fill_polygons({{1, 1, 1, 3, 4, 3, 4, 1}}, 4, 5, "test");
  const std::vector<std::uint8_t> expected{0, 0, 0, 0, 0,  //
                                           0, 1, 1, 1, 0,  //
                                           0, 1, 1, 1, 0,  //
                                           0, 0, 0, 0, 0};
  EXPECT_EQ(mask, expected);
}

TEST(PolygonsTest, PolygonsAreUnitedNotCrossedOut) {
  EXPECT_THAT(fill_polygons({{0, 0, 0, 4, 3, 4, 3, 0}, {1, 0, 1, 4, 4, 4, 4, 0}}, 4, 4, "test"),
              Each(1));
}

TEST(PolygonsTest, EveryPixelEqualsThatOfPycocotools) {
  const auto golden =
      nlohmann::json::parse(read_file(MEDSWEEP_SOURCE_DIR "/tests/golden/coco.json"))
          .at("polygons");
  ASSERT_GT(golden.size(), 150u);
  for (const auto& entry : golden) {
    const auto height = entry.at("height").get<std::int64_t>();
    const auto width = entry.at("width").get<std::int64_t>();
    const auto polygons = entry.at("polygons").get<std::vector<Polygon>>();
    const RunLengths runs =
        encode_mask(fill_polygons(polygons, height, width, "golden"), height, width);
    EXPECT_EQ(text_from_runs(runs), entry.at("counts").get<std::string>()) << entry.at("polygons");
    EXPECT_EQ(area_of(runs), entry.at("area").get<std::int64_t>());
  }
}

TEST(PolygonsTest, TwoPointsAreNoPolygon) {
  expect_polygon_refused({{1, 1, 5, 5}},
                         HasSubstr("[a.json: annotation 7] a polygon with 2 points; at "
                                   "least 3 are allowed"));
  expect_polygon_refused({{1, 1, 5, 1, 5, 5}, {}}, HasSubstr("a polygon with 0 points"));
}

TEST(PolygonsTest, WhatIsNoCornerIsNamed) {
  expect_polygon_refused({{1, 1, 5, 1, 5, 5, 2}}, HasSubstr("a polygon of 7 numbers; pairs x, y"));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expect_polygon_refused({{1, 1, 5, nan, 5, 5}}, HasSubstr("corner at nan"));
  expect_polygon_refused({{1, 1, 5, 1, 5, -1e300}}, HasSubstr("corner at -1e+300"));
  expect_polygon_refused({{1, 1, 5, 1, 5, 5}}, HasSubstr("a mask of 0 x 8"), 0);
}

}  // namespace
}  // namespace medsweep::datasets
