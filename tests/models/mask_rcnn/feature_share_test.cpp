#include "models/mask_rcnn/feature_share.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/models/mask_rcnn/rcnn_batch.h"

namespace medsweep::models {
namespace {

const std::vector<std::string> kTwoTasks{"left_ventricle", "myocardium"};

MaskRcnnOptions two_tasks(FeatureShare share) {
  auto options = small_options();
  options.tasks = {{.name = kTwoTasks[0], .classes = 3}, {.name = kTwoTasks[1], .classes = 3}};
  options.share = share;
  return options;
}

datasets::Batch one_image() {
  return made_batch({{64, 96}}, {{{{4, 6, 30, 40}, 1}, {{40, 10, 90, 60}, 2}}}, 3, kTwoTasks);
}

/// Which of the towers' backbones a loss of `task` alone reaches.
std::pair<bool, bool> reached(FeatureShare share, const std::string& task) {
  MaskRcnn model(two_tasks(share));
  const Losses losses = model.loss(one_image());
  losses.at(task + ".loss_objectness").sum.backward();
  std::pair<bool, bool> found{false, false};
  for (const auto& parameter : model.named_parameters()) {
    if (!parameter->grad().defined() || parameter->grad().abs().sum().item<double>() == 0) continue;
    if (parameter.key().starts_with("tasks.0.backbone")) found.first = true;
    if (parameter.key().starts_with("tasks.1.backbone")) found.second = true;
  }
  return found;
}

using Towers = std::pair<bool, bool>;

TEST(FeatureShareTest, GradientsFlowWhereFeaturesDo) {
  EXPECT_EQ(reached(FeatureShare::kNone, kTwoTasks[0]), Towers(true, false));
  EXPECT_EQ(reached(FeatureShare::kNone, kTwoTasks[1]), Towers(false, true));
  EXPECT_EQ(reached(FeatureShare::kMean, kTwoTasks[0]), Towers(true, true));
  EXPECT_EQ(reached(FeatureShare::kConcat, kTwoTasks[1]), Towers(true, true));
  EXPECT_EQ(reached(FeatureShare::kTopToBottom, kTwoTasks[0]), Towers(true, false));
  EXPECT_EQ(reached(FeatureShare::kTopToBottom, kTwoTasks[1]), Towers(true, true));
}

TEST(FeatureShareTest, MeanAndOneWayAreArithmetic) {
  const torch::Tensor a = torch::full({1, 2, 4, 4}, 1.0), b = torch::full({1, 2, 4, 4}, 4.0);
  FeatureExchangeImpl mean(FeatureShare::kMean, 2, 1), one_way(FeatureShare::kTopToBottom, 2, 1);
  const auto both = mean.forward({{a}, {b}});
  EXPECT_TRUE(torch::equal(both[0][0], torch::full({1, 2, 4, 4}, 2.5)));
  EXPECT_TRUE(torch::equal(both[1][0], both[0][0]));
  const auto second = one_way.forward({{a}, {b}});
  EXPECT_TRUE(torch::equal(second[0][0], a));
  EXPECT_TRUE(torch::equal(second[1][0], both[0][0]));
}

TEST(FeatureShareTest, MapsOfDifferentImagesSizesAreRefused) {
  FeatureExchangeImpl mean(FeatureShare::kMean, 2, 1);
  const torch::Tensor a = torch::zeros({1, 2, 4, 4});
  EXPECT_THROW(mean.forward({{a}, {torch::zeros({1, 2, 4, 6})}}), std::invalid_argument);
  EXPECT_THROW(mean.forward({{a}}), std::invalid_argument);
}

TEST(FeatureShareTest, EachTaskHasHeadsLossesAndPredictionsOfItsOwn) {
  MaskRcnn model(two_tasks(FeatureShare::kMean));
  const auto batch = one_image();
  const Losses losses = model.loss(batch);
  ASSERT_EQ(losses.size(), 10U);
  for (const auto& task : kTwoTasks) EXPECT_TRUE(losses.contains(task + ".loss_mask"));
  mean_of(losses).backward();
  for (const auto& parameter : model.named_parameters())
    EXPECT_TRUE(parameter->grad().defined()) << parameter.key();
  const auto parameters = model.named_parameters();
  const torch::Tensor first = parameters["tasks.0.roi_heads.box_head.fc6.weight"];
  const torch::Tensor second = parameters["tasks.1.roi_heads.box_head.fc6.weight"];
  EXPECT_NE(first.data_ptr(), second.data_ptr());
  EXPECT_FALSE(torch::equal(first, second));
  model.eval();
  const auto predictions = model.predict(batch);
  for (const auto& task : kTwoTasks) EXPECT_TRUE(predictions[0].detections.contains(task));
}

TEST(FeatureShareTest, AnExchangeNeedsTwoTasks) {
  auto options = small_options();
  options.share = FeatureShare::kMean;
  EXPECT_THROW(MaskRcnn{options}, std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::models
