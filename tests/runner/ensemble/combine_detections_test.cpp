#include "runner/ensemble/combine_detections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runner/metrics/made_up_detections.h"

namespace medsweep::runner {
namespace {

using testing::ElementsAre;

constexpr datasets::Extent kImage{64, 64};

models::Detections trial_of(const std::vector<TestThing>& found) {
  return made_case("trial", {}, found, kImage).found;
}

models::Detections combined_objects(const std::vector<std::vector<TestThing>>& trials,
                                    const DetectionEnsemble& ensemble) {
  std::vector<models::Detections> detections;
  for (const auto& trial : trials) detections.push_back(trial_of(trial));
  return combine_detections(detections, kImage, ensemble);
}

std::vector<float> numbers_of(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.to(torch::kFloat32).contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

torch::Tensor rectangle_mask(std::int64_t x1, std::int64_t y1, std::int64_t x2, std::int64_t y2) {
  return rectangle(x1, y1, x2, y2).mask;
}

/// Three of five trials see columns 10 to 30, one sees 0 to 20, one nothing.
std::vector<std::vector<TestThing>> five_trials() {
  const TestThing usual = rectangle(10, 10, 30, 20, 0.9);
  return {{usual}, {usual}, {rectangle(0, 10, 20, 20, 0.6)}, {}, {usual}};
}

TEST(CombineDetections, AVoteIsWhereEnoughMasksAre) {
  const models::Detections one = combined_objects(five_trials(), {});
  ASSERT_EQ(one.scores.numel(), 1);
  EXPECT_TRUE(one.masks[0].equal(rectangle_mask(10, 10, 30, 20)));
  EXPECT_THAT(numbers_of(one.boxes), ElementsAre(0, 10, 30, 20)) << "the union of the boxes";
  EXPECT_NEAR(one.scores[0].item<double>(), (3 * 0.9 + 0.6) / 4, 1e-6) << "the mean";
  EXPECT_EQ(one.labels[0].item<std::int64_t>(), 1);
}

TEST(CombineDetections, VotesAreLoweredUntilThereIsAMask) {
  const models::Detections four = combined_objects(five_trials(), {.minimum_votes = 4});
  EXPECT_TRUE(four.masks[0].equal(rectangle_mask(10, 10, 20, 20)));
  const models::Detections five = combined_objects(five_trials(), {.minimum_votes = 5});
  EXPECT_TRUE(five.masks.equal(four.masks)) << "5 are nowhere, 4 are";
  const models::Detections alone = combined_objects({{}, {}, {rectangle(0, 0, 8, 8, 0.5)}}, {});
  EXPECT_TRUE(alone.masks[0].equal(rectangle_mask(0, 0, 8, 8)));
}

TEST(CombineDetections, AVoteIsOpenedAndKeepsItsLargestPart) {
  TestThing ragged = rectangle(10, 10, 30, 20, 0.9);
  ragged.mask.slice(0, 12, 13).slice(1, 30, 40).fill_(1);  // a line of one pixel
  ragged.mask.slice(0, 40, 45).slice(1, 40, 45).fill_(1);  // a smaller part
  const std::vector<std::vector<TestThing>> trials{{ragged}, {ragged}, {ragged}};
  const models::Detections opened = combined_objects(trials, {.opening = 0.05});  // 3 of 64 pixels
  EXPECT_TRUE(opened.masks[0].equal(rectangle_mask(10, 10, 30, 20)));
  torch::Tensor with_line = rectangle_mask(10, 10, 30, 20);
  with_line.slice(0, 12, 13).slice(1, 30, 40).fill_(1);
  EXPECT_TRUE(combined_objects(trials, {.opening = 0}).masks[0].equal(with_line));
  const std::vector<std::vector<TestThing>> thin{{rectangle(0, 0, 60, 1)}};
  EXPECT_TRUE(combined_objects(thin, {.opening = 0.05}).masks[0].equal(thin[0][0].mask))
      << "opening that would leave nothing is left out";
}

TEST(CombineDetections, ClassesAreCombinedApartAndOrderedByScore) {
  const std::vector<TestThing> trial{rectangle(0, 0, 8, 8, 0.5),
                                     of_class(rectangle(0, 0, 8, 8, 0.7), 2)};
  const models::Detections both = combined_objects({trial, trial, trial}, {});
  EXPECT_THAT(numbers_of(both.labels), ElementsAre(2, 1));
  EXPECT_THAT(numbers_of(both.scores), ElementsAre(0.7F, 0.5F));
}

TEST(CombineDetections, UnionTakesEverythingAndTheHighestScore) {
  const models::Detections one =
      combined_objects(five_trials(), {.method = EnsembleMethod::kUnion});
  EXPECT_TRUE(one.masks[0].equal(rectangle_mask(0, 10, 30, 20)));
  EXPECT_THAT(numbers_of(one.boxes), ElementsAre(0, 10, 30, 20));
  EXPECT_THAT(numbers_of(one.scores), ElementsAre(0.9F));
}

TEST(CombineDetections, MeanWeighsPixelsByTheScores) {
  // Columns 10 to 20: (3 * 0.9 + 0.6) / 5 = 0.66; 20 to 30: 0.54; 0 to 10: 0.12.
  const models::Detections one = combined_objects(five_trials(), {.method = EnsembleMethod::kMean});
  EXPECT_TRUE(one.masks[0].equal(rectangle_mask(10, 10, 30, 20)));
  EXPECT_THAT(numbers_of(one.boxes), ElementsAre(10, 10, 30, 20)) << "around the mask";
  EXPECT_NEAR(one.scores[0].item<double>(), (3 * 0.9 + 0.6) / 5, 1e-6);
  const models::Detections none =
      combined_objects({{rectangle(0, 0, 8, 8, 0.9)}, {}}, {.method = EnsembleMethod::kMean});
  EXPECT_EQ(none.scores.numel(), 0);
  EXPECT_EQ(none.boxes.sizes(), (std::vector<std::int64_t>{0, 4}));
  EXPECT_EQ(none.masks.sizes(), (std::vector<std::int64_t>{0, 64, 64}));
}

TEST(CombineDetections, ManyObjectsAreTheOnesThatTrialsAgreeOn) {
  const TestThing first = rectangle(0, 0, 10, 10, 0.9), second = rectangle(30, 30, 50, 50, 0.8);
  const TestThing lonely = rectangle(0, 50, 10, 60, 0.95);
  const std::vector<std::vector<TestThing>> trials{{first, second}, {second, lonely}, {first}};
  const models::Detections two = combined_objects(trials, {.objects = ObjectsPerClass::kMany});
  ASSERT_EQ(two.scores.numel(), 2);
  EXPECT_TRUE(two.masks[0].equal(first.mask));
  EXPECT_TRUE(two.masks[1].equal(second.mask));
  DetectionEnsemble every{.method = EnsembleMethod::kUnion, .objects = ObjectsPerClass::kMany};
  EXPECT_EQ(combined_objects(trials, every).scores.numel(), 3);
  every.minimum_score = 0.85;
  EXPECT_THAT(numbers_of(combined_objects(trials, every).scores), ElementsAre(0.95F, 0.9F));
}

TEST(CombineDetections, OneTrialHasOneDetectionOfAnObject) {
  const TestThing object = rectangle(0, 0, 10, 10, 0.9);
  const DetectionEnsemble many{.objects = ObjectsPerClass::kMany};
  EXPECT_EQ(combined_objects({{object, object}, {}, {}}, many).scores.numel(), 0)
      << "two detections of one trial are no two votes";
}

TEST(CombineDetections, BoxesAloneAreCombinedToo) {
  const TestThing a = without_mask(rectangle(0, 0, 10, 10, 0.75)),
                  b = without_mask(rectangle(4, 0, 14, 10, 0.25));
  const models::Detections voted = combined_objects({{a}, {b}}, {});
  EXPECT_THAT(numbers_of(voted.boxes), ElementsAre(0, 0, 14, 10));
  EXPECT_FALSE(voted.masks.defined());
  const models::Detections mean = combined_objects({{a}, {b}}, {.method = EnsembleMethod::kMean});
  EXPECT_THAT(numbers_of(mean.boxes), ElementsAre(1, 0, 11, 10));
  EXPECT_THAT(numbers_of(mean.scores), ElementsAre(0.5F));
  EXPECT_EQ(combined_objects({{a}, {}}, {.method = EnsembleMethod::kMean}).scores.numel(), 0);
}

TEST(CombineDetections, RefusesWhatDisagrees) {
  const TestThing thing = rectangle(0, 0, 8, 8);
  EXPECT_THROW(combined_objects({}, {}), std::invalid_argument);
  EXPECT_THROW(combined_objects({{thing}, {without_mask(thing)}}, {}), std::invalid_argument);
  EXPECT_THROW(combined_objects({{thing}, {thing}}, {.minimum_votes = 3}), std::invalid_argument);
  EXPECT_THROW(combine_detections({trial_of({thing})}, {32, 64}, {}), std::invalid_argument);
  EXPECT_EQ(combined_objects({{}, {}}, {}).scores.numel(), 0);
}

TEST(EnsembleMethods, AreATable) {
  EXPECT_EQ(ensemble_rows().size(), 3u);
  EXPECT_EQ(ensemble_method("union"), EnsembleMethod::kUnion);
  EXPECT_THROW(ensemble_method("votes"), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::runner
