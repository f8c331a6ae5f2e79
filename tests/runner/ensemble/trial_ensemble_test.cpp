#include "runner/ensemble/trial_ensemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "runner/ensemble/ensemble_results.h"

namespace medsweep::runner {
namespace {

using results::PlannedTrial;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

models::Prediction map_of(const std::vector<std::int64_t>& labels, const std::vector<float>& sure) {
  const auto count = static_cast<std::int64_t>(labels.size());
  return {torch::tensor(sure, torch::kFloat32).reshape({1, 1, count}),
          torch::tensor(labels, torch::kInt64).to(torch::kUInt8).reshape({1, count})};
}

models::Prediction objects_of_task(const std::string& task, const std::vector<float>& box) {
  models::Prediction prediction;
  prediction.detections[task] = {torch::tensor(box, torch::kFloat32).reshape({1, 4}),
                                 torch::ones({1}), torch::ones({1}, torch::kInt64),
                                 torch::Tensor()};
  return prediction;
}

TEST(CombinedPredictions, LabelMapsVoteWithoutProbabilities) {
  const models::Prediction whole =
      combined({map_of({1, 1, 0}, {0.9F, 0.6F, 0.1F}), map_of({1, 0, 0}, {0.9F, 0.2F, 0.1F}),
                map_of({0, 0, 1}, {0.4F, 0.3F, 0.9F})},
               {1, 3}, 1, {});
  EXPECT_TRUE(whole.labels.equal(torch::tensor({{1, 0, 0}}, torch::kUInt8)));
  EXPECT_FALSE(whole.probabilities.defined());
}

TEST(CombinedPredictions, MeanKeepsTheMeanProbability) {
  const models::Prediction whole =
      combined({map_of({1, 1}, {0.75F, 1.0F}), map_of({0, 0}, {0.25F, 0.25F})}, {1, 2}, 1,
               {.method = EnsembleMethod::kMean, .minimum_votes = 0, .objects = {}});
  EXPECT_TRUE(whole.probabilities.allclose(torch::tensor({{{0.5F, 0.625F}}})));
  EXPECT_TRUE(whole.labels.equal(torch::tensor({{1, 1}}, torch::kUInt8)));
}

models::Prediction overlapping(const std::vector<float>& outer, const std::vector<float>& inner) {
  models::Prediction prediction;
  prediction.probabilities =
      torch::stack({torch::tensor(outer), torch::tensor(inner)}).unsqueeze(1);
  prediction.class_maps = prediction.probabilities.gt(0.5).to(torch::kUInt8);
  return prediction;
}

TEST(CombinedPredictions, ClassesThatOverlapAreCombinedOneByOne) {
  const std::vector<models::Prediction> said{overlapping({0.9F, 0.8F, 0.7F}, {0.1F, 0.9F, 0.F}),
                                             overlapping({0.6F, 0.8F, 0.1F}, {0.1F, 0.6F, 0.F}),
                                             overlapping({0.1F, 0.6F, 0.1F}, {0.9F, 0.1F, 0.F})};
  const models::Prediction vote = combined(said, {1, 3}, 2, {});
  EXPECT_TRUE(vote.class_maps.equal(torch::tensor({{{1, 1, 0}}, {{0, 1, 0}}}, torch::kUInt8)));
  EXPECT_TRUE(vote.labels.equal(torch::tensor({{1, 2, 0}}, torch::kUInt8)));
  EXPECT_FALSE(vote.probabilities.defined());
  const models::Prediction all = combined(said, {1, 3}, 2, {.method = EnsembleMethod::kUnion});
  EXPECT_TRUE(all.class_maps.equal(torch::tensor({{{1, 1, 1}}, {{1, 1, 0}}}, torch::kUInt8)));
  const models::Prediction mean = combined(said, {1, 3}, 2, {.method = EnsembleMethod::kMean});
  EXPECT_TRUE(mean.class_maps.equal(torch::tensor({{{1, 1, 0}}, {{0, 1, 0}}}, torch::kUInt8)));
  EXPECT_TRUE(mean.probabilities.allclose(
      torch::tensor({{{1.6F / 3, 2.2F / 3, 0.3F}}, {{1.1F / 3, 1.6F / 3, 0.F}}})));
}

TEST(CombinedPredictions, VolumesVoteVoxelByVoxel) {
  std::vector<models::Prediction> said{map_of({1, 1}, {0.9F, 0.9F}), map_of({0, 1}, {0.2F, 0.9F}),
                                       map_of({0, 0}, {0.2F, 0.1F})};
  for (models::Prediction& one : said) {
    one.labels = one.labels.view({2, 1, 1});
    one.probabilities = one.probabilities.view({1, 2, 1, 1});
  }
  const torch::Tensor expected = torch::tensor({0, 1}, torch::kUInt8).view({2, 1, 1});
  EXPECT_TRUE(combined(said, {1, 1, 2}, 1, {}).labels.equal(expected));
  EXPECT_TRUE(
      combined(said, {1, 1, 2}, 1, {.method = EnsembleMethod::kMean}).labels.equal(expected));
}

TEST(CombinedPredictions, EachTaskKeepsItsOwnObjects) {
  std::vector<models::Prediction> predictions{objects_of_task("lv", {0, 0, 4, 4}),
                                              objects_of_task("lv", {2, 2, 6, 6})};
  predictions[0].detections["myo"] = objects_of_task("myo", {1, 1, 3, 3}).detections.at("myo");
  predictions[1].detections["myo"] = predictions[0].detections.at("myo");
  const models::Prediction whole =
      combined(predictions, {8, 8}, 2,
               {.method = EnsembleMethod::kUnion, .minimum_votes = 0, .objects = {}});
  EXPECT_TRUE(whole.detections.at("lv").boxes.equal(torch::tensor({{0.F, 0.F, 6.F, 6.F}})));
  EXPECT_TRUE(whole.detections.at("myo").boxes.equal(torch::tensor({{1.F, 1.F, 3.F, 3.F}})));
  EXPECT_FALSE(whole.labels.defined());
}

TEST(CombinedPredictions, RefusesNoneAndTwoKinds) {
  EXPECT_THAT(
      [] {
        combined({}, {1, 1}, 1, {});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("no predictions")));
  EXPECT_THAT(
      [] {
        combined({map_of({1}, {1.F}), objects_of_task("lv", {0, 0, 1, 1})}, {1, 1}, 1, {});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("one kind")));
}

std::vector<PlannedTrial> trials_of_two_axes() {
  std::vector<PlannedTrial> trials;
  for (const char* data : {"a", "b"})
    for (const char* color : {"rgb", "gray"})
      trials.push_back({.identity = std::string(data) + color,
                        .name = std::string(data) + "-" + color,
                        .labels = {{"dataset", data}, {"color_mode", color}}});
  return trials;
}

TEST(EnsembleRows, AreCalledByTheirNameWhereTheirMembersDiffer) {
  auto trials = trials_of_two_axes();
  results::TableSpec spec;
  spec.rows = {"dataset"};
  spec.columns = {"color_mode"};
  add_ensembles({{"id", "bag", {"argb", "brgb"}}}, spec, trials);
  ASSERT_EQ(trials.size(), 5u);
  EXPECT_EQ(trials.back().identity, "id");
  EXPECT_EQ(label_of(trials.back(), "dataset"), "bag");
  EXPECT_EQ(label_of(trials.back(), "color_mode"), "rgb");
}

TEST(EnsembleRows, AreApartWhereNothingShownDiffers) {
  auto trials = trials_of_two_axes();
  results::TableSpec spec;
  spec.rows = {"color_mode"};
  add_ensembles({{"id", "bag", {"argb", "brgb"}}}, spec, trials);
  EXPECT_EQ(label_of(trials.back(), "color_mode"), "rgb + bag");
}

TEST(EnsembleRows, OfATableWithoutRowsFollowTheVaryingAxes) {
  auto trials = trials_of_two_axes();
  results::TableSpec spec;
  add_ensembles({{"id", "bag", {"argb", "brgb"}}}, spec, trials);
  EXPECT_THAT(spec.rows, ElementsAre("dataset", "color_mode"));
  EXPECT_EQ(label_of(trials.back(), "dataset"), "bag");
}

TEST(EnsembleRows, StayOutWhereAMemberDoes) {
  auto trials = trials_of_two_axes();
  results::TableSpec spec;
  spec.rows = {"dataset"};
  spec.where = {{"color_mode", {"rgb"}}};
  add_ensembles({{"id", "bag", {"argb", "bgray"}}, {"other", "else", {"argb", "elsewhere"}}}, spec,
                trials);
  EXPECT_EQ(trials.size(), 4u);
}

}  // namespace
}  // namespace medsweep::runner
