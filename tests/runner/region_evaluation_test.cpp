#include <gtest/gtest.h>
#include <torch/torch.h>

#include "runner/evaluation.h"

namespace medsweep::runner {
namespace {

/// Says of every image what it holds: channel k is the probability of class k.
class PlainModel : public models::Model {
 public:
  models::Losses loss(const datasets::Batch&) override { return {}; }
  std::optional<models::LossWeights> loss_weights(const datasets::Batch&) const override {
    return models::LossWeights{};
  }
  models::Predictions predict(const datasets::Batch& batch) override {
    models::Predictions predictions;
    for (std::int64_t i = 0; i < batch.size(); ++i)
      predictions.push_back({batch.images[i].slice(0, 0, 2), {}});
    return predictions;
  }
  torch::Tensor label_map(const torch::Tensor& probabilities) const override {
    torch::Tensor painted = torch::zeros(probabilities.sizes().slice(1), torch::kByte);
    for (std::int64_t i = 0; i < probabilities.size(0); ++i)
      painted.masked_fill_(probabilities[i] > 0.5, i + 1);
    return painted;
  }
  bool classes_overlap() const override { return true; }
  std::int64_t size_multiple() const override { return 1; }
};

/// One image of six pixels: truth 0 1 1 2 2 0, the last outside the field of view.
datasets::SegmentationDataset six_pixels() {
  datasets::PoolMember member{"memory", {"edema", "core"}, 3, {}, {}, {}};
  member.samples.emplace_back();
  member.samples[0].name = member.samples[0].case_name = member.samples[0].patient = "one";
  member.sizes.push_back({1, 6});
  member.regions = {{"whole", {1, 2}}};
  member.read = [](std::int64_t, const torch::Tensor&) {
    datasets::RawSample raw;
    raw.image = torch::zeros({3, 1, 6});
    raw.image[0][0] = torch::tensor({0.F, 1.F, 1.F, 1.F, 0.F, 1.F});
    raw.image[1][0] = torch::tensor({0.F, 0.F, 1.F, 1.F, 1.F, 1.F});
    raw.labels = torch::tensor({{0, 1, 1, 2, 2, 0}}, torch::kUInt8);
    raw.field_of_view = torch::tensor({{1, 1, 1, 1, 1, 0}}, torch::kUInt8);
    return raw;
  };
  datasets::SampleOptions options;
  options.color_mode = "rgb";
  options.classes = {"whole", "core"};
  const auto pool = std::make_shared<const datasets::DataPool>(std::vector{member});
  return {pool, {0}, options, datasets::SampleMode::kEvaluate};
}

std::map<std::string, double> dice_of(const Summary& summary) {
  std::map<std::string, double> dice;
  const auto cases = summary.cases();
  for (const MetricRow& row : cases.front().rows)
    if (row.metric == "dice") dice[row.class_name] = row.value.value();
  return dice;
}

TEST(Evaluation, ClassesThatOverlapAreEachScoredByThemselves) {
  PlainModel model;
  const datasets::SegmentationDataset dataset = six_pixels();
  const auto group = single_communicator();
  const auto dice = dice_of(evaluate(model, dataset, {"dice"}, *group, {}));
  ASSERT_EQ(dice.size(), 2U);
  EXPECT_DOUBLE_EQ(dice.at("whole"), 2.0 * 3 / (3 + 4));  // found 1 1 2 of 1 1 2 2
  EXPECT_DOUBLE_EQ(dice.at("core"), 2.0 * 2 / (3 + 2));
}

TEST(Evaluation, OfAnybodysPredictionsRefusesClassesThatOverlapWithoutAMapOfEach) {
  const datasets::SegmentationDataset dataset = six_pixels();
  const auto group = single_communicator();
  const auto says = [](const models::Prediction& prediction) {
    return [=](const auto& samples) { return models::Predictions(samples.size(), prediction); };
  };
  EXPECT_ANY_THROW(evaluate(says({}), dataset, {"dice"}, *group));
  models::Prediction each;
  each.class_maps = torch::ones({2, 1, 6}, torch::kByte);
  const auto dice = dice_of(evaluate(says(each), dataset, {"dice"}, *group));
  EXPECT_DOUBLE_EQ(dice.at("whole"), 2.0 * 4 / (5 + 4));
  EXPECT_DOUBLE_EQ(dice.at("core"), 2.0 * 2 / (5 + 2));
}

}  // namespace
}  // namespace medsweep::runner
