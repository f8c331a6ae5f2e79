#include "datasets/converters/run_lengths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/random.h"

namespace medsweep::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// tests/golden/coco.py made these with pycocotools.
nlohmann::json golden_masks() {
  return nlohmann::json::parse(read_file(MEDSWEEP_SOURCE_DIR "/tests/golden/coco.json"))
      .at("masks");
}

template <typename Matcher>
void expect_runs_refused(const RunLengths& runs, Matcher matcher) {
  EXPECT_THAT(
      [&] { decode_mask(runs, "a.json: annotation 7"); },
      ThrowsMessage<std::invalid_argument>(AllOf(HasSubstr("[a.json: annotation 7]"), matcher)));
}

template <typename Matcher>
void expect_runs_text_refused(const std::string& text, Matcher matcher) {
  EXPECT_THAT(
      [&] { runs_from_text(text, 3, 4, "a.json: annotation 7"); },
      ThrowsMessage<std::invalid_argument>(AllOf(HasSubstr("[a.json: annotation 7]"), matcher)));
}

TEST(RunLengthsTest, RunsGoDownTheColumns) {
  const std::vector<std::uint8_t> mask{0, 1, 0,  //
                                       0, 1, 1};
  const RunLengths runs = encode_mask(mask, 2, 3);
  EXPECT_THAT(runs.counts, ElementsAre(2, 2, 1, 1));
  EXPECT_EQ(decode_mask(runs, "test"), mask);
  EXPECT_EQ(area_of(runs), 3);
}

TEST(RunLengthsTest, AMaskThatBeginsInsideHasAFirstRunOfNothing) {
  EXPECT_THAT(encode_mask({1, 1, 0, 1}, 2, 2).counts, ElementsAre(0, 1, 1, 2));
}

TEST(RunLengthsTest, TextAndMasksEqualThoseOfPycocotools) {
  for (const auto& golden : golden_masks()) {
    const auto height = golden.at("height").get<std::int64_t>();
    const auto width = golden.at("width").get<std::int64_t>();
    const auto text = golden.at("counts").get<std::string>();
    const RunLengths runs = runs_from_text(text, height, width, "golden");
    EXPECT_EQ(text_from_runs(runs), text);
    EXPECT_EQ(runs.counts, golden.at("uncompressed").get<std::vector<std::int64_t>>());
    EXPECT_EQ(area_of(runs), golden.at("area").get<std::int64_t>());
    const std::vector<std::uint8_t> mask = decode_mask(runs, "golden");
    std::vector<std::size_t> ones;
    for (std::size_t i = 0; i < mask.size() && ones.size() < 40; ++i)
      if (mask[i] != 0) ones.push_back(i);
    EXPECT_EQ(ones, golden.at("ones").get<std::vector<std::size_t>>());
    EXPECT_EQ(encode_mask(mask, height, width), runs);
  }
}

TEST(RunLengthsTest, RandomMasksComeBackThroughTextAndRuns) {
  RandomStream stream({4, 1});
  for (int i = 0; i < 200; ++i) {
    const std::int64_t height = 1 + stream.below(40), width = 1 + stream.below(40);
    const double share = stream.uniform();
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(height * width));
    for (std::uint8_t& value : mask) value = stream.chance(share) ? 1 : 0;
    const std::string text = text_from_runs(encode_mask(mask, height, width));
    ASSERT_EQ(decode_mask(runs_from_text(text, height, width, "test"), "test"), mask) << text;
  }
}

TEST(RunLengthsTest, LongRunsTakeSeveralGroups) {
  const RunLengths runs{40000, 50000, {1999999998, 1, 1}};
  EXPECT_EQ(runs_from_text(text_from_runs(runs), 40000, 50000, "test"), runs);
}

TEST(RunLengthsTest, RunsOfTheWrongLengthAreNamed) {
  expect_runs_refused({3, 4, {5, 6}},
                      HasSubstr("runs of 11 pixels in all, but a mask of 3 x 4 has 12"));
  expect_runs_refused({3, 4, {5, 6, 2}}, HasSubstr("run 3 ends beyond the 12 pixels"));
  expect_runs_refused({3, 4, {}}, HasSubstr("runs of 0 pixels"));
  expect_runs_refused({3, 4, {14, -2}}, HasSubstr("run 1 ends beyond"));
  expect_runs_refused({3, 4, {5, -2, 9}}, HasSubstr("run 2 is -2; runs of at least 0 are allowed"));
  expect_runs_refused({3, 4, {1, INT64_MAX, INT64_MAX}}, HasSubstr("run 2 ends beyond"));
}

TEST(RunLengthsTest, SizesThatAreNoneAreNamed) {
  for (const auto& [height, width] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {0, 4}, {4, 0}, {-3, -4}, {INT64_MAX, 2}, {2, INT64_MAX}, {65536, 65536}})
    expect_runs_refused({height, width, {12}}, HasSubstr("positive sizes"));
}

TEST(RunLengthsTest, DamagedTextIsNamedWithItsPlace) {
  expect_runs_text_refused("3 4", HasSubstr("character 2 has code 32; '0' to 'o' are allowed"));
  expect_runs_text_refused("3\xc3", HasSubstr("character 2 has code 195"));
  expect_runs_text_refused("3p", HasSubstr("character 2 has code 112"));
  expect_runs_text_refused("3P", HasSubstr("end within a number"));
  expect_runs_text_refused("oooooooooooooo", HasSubstr("a number of more than 12 groups"));
  expect_runs_text_refused("3O",
                           HasSubstr("run 2 is -1; 0 to the 12 pixels of the mask are allowed"));
  expect_runs_text_refused("36", HasSubstr("runs of 9 pixels"));
  expect_runs_text_refused("", HasSubstr("runs of 0 pixels"));
}

TEST(RunLengthsTest, AMaskOfAnotherLengthIsRefused) {
  EXPECT_THAT(
      [] {
        encode_mask({0, 1, 1}, 2, 2);
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("3 values; 2 x 2 are needed")));
}

}  // namespace
}  // namespace medsweep::datasets
