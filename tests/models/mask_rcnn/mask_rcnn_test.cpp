#include "models/mask_rcnn/mask_rcnn.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <stdexcept>

#include "models/mask_rcnn/train_layers.h"
#include "tests/models/mask_rcnn/rcnn_batch.h"

namespace medsweep::models {
namespace {

std::set<std::string> names_of(const Losses& losses) {
  std::set<std::string> names;
  for (const auto& [name, loss] : losses) names.insert(name);
  return names;
}

const std::set<std::string> kFive{"loss_objectness", "loss_rpn_box_reg", "loss_classifier",
                                  "loss_box_reg", "loss_mask"};

// Every loss is finite and a gradient reaches every trainable parameter.
void expect_trains(MaskRcnn& model, const datasets::Batch& batch) {
  model.zero_grad();
  const Losses losses = model.loss(batch);
  for (const auto& [name, loss] : losses) {
    EXPECT_TRUE(std::isfinite(loss.sum.item<double>())) << name;
    EXPECT_EQ(loss.sum.scalar_type(), torch::kFloat) << name;
    EXPECT_EQ(loss.sum.dim(), 0) << name;
  }
  mean_of(losses).backward();
  for (const auto& parameter : model.named_parameters())
    if (parameter->requires_grad()) {
      ASSERT_TRUE(parameter->grad().defined()) << parameter.key();
      EXPECT_TRUE(parameter->grad().isfinite().all().item<bool>()) << parameter.key();
    }
}

void expect_detections(const Predictions& predictions, const datasets::Batch& batch,
                       const std::string& task, std::int64_t classes) {
  ASSERT_EQ(predictions.size(), batch.sizes.size());
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const auto& [height, width, depth] = batch.sizes[i];
    const Detections& found = predictions[i].detections.at(task);
    const std::int64_t count = found.scores.size(0);
    EXPECT_EQ(found.boxes.sizes(), (std::vector<std::int64_t>{count, 4}));
    EXPECT_EQ(found.masks.sizes(), (std::vector<std::int64_t>{count, height, width}));
    EXPECT_EQ(found.masks.scalar_type(), torch::kByte);
    EXPECT_FALSE((found.boxes < 0).any().item<bool>());
    EXPECT_FALSE((found.boxes.select(1, 2) > width).any().item<bool>());
    EXPECT_FALSE((found.boxes.select(1, 3) > height).any().item<bool>());
    EXPECT_TRUE(((found.labels >= 1) & (found.labels <= classes)).all().item<bool>());
    if (count > 1) {
      EXPECT_TRUE(
          (found.scores.slice(0, 1) <= found.scores.slice(0, 0, count - 1)).all().item<bool>());
    }
  }
}

TEST(MaskRcnnTest, FiveLossesReachEveryParameter) {
  MaskRcnn model(small_options());
  const auto batch = two_images();
  EXPECT_EQ(names_of(model.loss(batch)), kFive);
  EXPECT_FALSE(model.loss_weights(batch).has_value());
  expect_trains(model, batch);
}

TEST(MaskRcnnTest, PredictsAtTheImagesOwnSizes) {
  auto options = small_options();
  options.detection.min_score = 0;
  options.image.resize = RcnnResize::kShortSide;
  options.image.min_sizes = {100};
  MaskRcnn model(options);
  model.eval();
  const auto batch = two_images();
  const auto predictions = model.predict(batch);
  expect_detections(predictions, batch, datasets::kSegmentation, 3);
  EXPECT_GT(predictions[0].detections.at(datasets::kSegmentation).scores.size(0), 0);
}

TEST(MaskRcnnTest, EmptyBatchGivesEmptyLossesAndNoPredictions) {
  MaskRcnn model(small_options());
  const auto batch = datasets::collate({}, 32, 3);
  expect_trains(model, batch);
  for (const auto& [name, loss] : model.loss(batch)) {
    EXPECT_EQ(loss.sum.item<double>(), 0) << name;
    EXPECT_EQ(loss.weight, 0) << name;
  }
  model.eval();
  EXPECT_TRUE(model.predict(batch).empty());
}

TEST(MaskRcnnTest, SecondVersionTrainsAndPredictsAlsoNothing) {
  auto options = small_options();
  options.version = RcnnVersion::kV2;
  MaskRcnn model(options);
  expect_trains(model, two_images());
  expect_trains(model, datasets::collate({}, 32, 3));
  for (const auto& buffer : model.named_buffers())
    EXPECT_TRUE(buffer->isfinite().all().item<bool>()) << buffer.key();
  model.eval();
  expect_detections(model.predict(two_images()), two_images(), datasets::kSegmentation, 3);
}

TEST(MaskRcnnTest, BoxesAloneHaveFourLossesAndNoMasks) {
  auto options = small_options();
  options.outputs = RcnnOutputs::kBoxes;
  options.detection.min_score = 0;
  MaskRcnn model(options);
  auto batch = two_images();
  for (auto& target : batch.targets) target.at(datasets::kSegmentation).instances.masks.reset();
  expect_trains(model, batch);
  EXPECT_FALSE(model.loss(batch).contains("loss_mask"));
  model.eval();
  const auto found = model.predict(batch)[0].detections.at(datasets::kSegmentation);
  EXPECT_GT(found.scores.size(0), 0);
  EXPECT_FALSE(found.masks.defined());
}

TEST(MaskRcnnTest, ProposalsAloneTrainOnTheirTwoLosses) {
  MaskRcnn model(small_options());
  set_train_layers(model, "rpn");
  EXPECT_EQ(names_of(model.loss(two_images())),
            (std::set<std::string>{"loss_objectness", "loss_rpn_box_reg"}));
  expect_trains(model, two_images());
  for (const auto& parameter : model.named_parameters())
    if (parameter.key().starts_with("roi_heads")) {
      EXPECT_FALSE(parameter->grad().defined()) << parameter.key();
    }
}

TEST(MaskRcnnTest, MatterportsProfileTrainsWithItsOwnL2) {
  auto options = matterport_profile(small_options());
  options.image.resize = RcnnResize::kNone;
  MaskRcnn model(options);
  auto names = kFive;
  names.insert("loss_l2");
  const auto batch = two_images();
  const Losses losses = model.loss(batch);
  EXPECT_EQ(names_of(losses), names);
  EXPECT_GT(losses.at("loss_l2").sum.item<double>(), 0);
  expect_trains(model, batch);
  model.eval();
  expect_detections(model.predict(batch), batch, datasets::kSegmentation, 3);
}

TEST(MaskRcnnTest, WeightsAreTheCountsOfWhatWasSampled) {
  MaskRcnn model(small_options());
  const Losses losses = model.loss(two_images());
  EXPECT_EQ(losses.at("loss_objectness").weight, 2 * 256);
  EXPECT_EQ(losses.at("loss_rpn_box_reg").weight, 2 * 256);
  EXPECT_EQ(losses.at("loss_classifier").weight, 2 * 64);
  EXPECT_EQ(losses.at("loss_box_reg").weight, 2 * 64);
  const double pixels = losses.at("loss_mask").weight;
  EXPECT_EQ(std::fmod(pixels, 28 * 28), 0);
  EXPECT_GE(pixels, 4 * 28 * 28);
}

TEST(MaskRcnnTest, SamplingFollowsFromTheSamplesKeysAlone) {
  MaskRcnn model(small_options());
  auto batch = two_images();
  const auto loss = [&] { return model.loss(batch).at("loss_classifier").sum.item<double>(); };
  torch::manual_seed(1);
  const double first = loss();
  torch::manual_seed(2);
  EXPECT_EQ(loss(), first);
  batch.random_keys[0] += 1;
  EXPECT_NE(loss(), first);
}

TEST(MaskRcnnTest, OneChannelAndFrozenNormalisationTrain) {
  auto options = small_options();
  options.backbone_options.in_channels = 1;
  options.backbone_options.normalization = "frozen_batch";
  MaskRcnn model(options);
  expect_trains(model, made_batch({{64, 64}}, {{{{4, 6, 30, 40}, 1}}}, 1));
}

TEST(MaskRcnnTest, Bfloat16StaysNearFloat32) {
  auto options = small_options();
  options.backbone_options.normalization = "frozen_batch";
  const auto losses_in = [&](Precision precision) {
    options.precision = precision;
    MaskRcnn model(options, choose_first);
    return model.loss(two_images());
  };
  const Losses full = losses_in(Precision::kFp32), half = losses_in(Precision::kBf16);
  for (const auto& [name, loss] : half) {
    EXPECT_EQ(loss.sum.scalar_type(), torch::kFloat);
    const double expected = full.at(name).sum.item<double>() / full.at(name).weight;
    EXPECT_NEAR(loss.sum.item<double>() / loss.weight, expected, 0.1 * expected + 0.02) << name;
  }
  MaskRcnn model(options);
  expect_trains(model, two_images());
}

TEST(MaskRcnnTest, PaddingOfABatchDoesNotChangeWhatIsFound) {
  auto options = small_options();
  options.detection.min_score = 0;
  MaskRcnn model(options);
  model.eval();
  const auto together = model.find(two_images());
  const auto alone = model.find(datasets::slice(two_images(), 0, 1));
  const auto& one = together[0].at(datasets::kSegmentation);
  const auto& other = alone[0].at(datasets::kSegmentation);
  // Features near the padding differ; objects are still found at the image's own size.
  EXPECT_LE(one.boxes.select(1, 3).max().item<double>(), 64);
  EXPECT_LE(other.boxes.select(1, 2).max().item<double>(), 96);
}

TEST(MaskRcnnTest, CrowdsAreNeitherObjectsNorBackground) {
  auto options = small_options();
  options.rpn.anchors.sizes = {{8}, {8}, {8}, {8}, {8}};
  MaskRcnn model(options);
  // A crowd over the whole image: every anchor inside lies in it, only those that stick out of
  // the image by half may be background.
  const auto crowd = model.loss(made_batch({{64, 64}}, {{{{0, 0, 64, 64}, 1, true}}}));
  const auto none = model.loss(made_batch({{64, 64}}, {{}}));
  EXPECT_LT(crowd.at("loss_objectness").weight, none.at("loss_objectness").weight);
  EXPECT_EQ(crowd.at("loss_mask").weight, 0);
  EXPECT_EQ(crowd.at("loss_classifier").weight, 0);
  EXPECT_GT(none.at("loss_classifier").weight, 0);
}

TEST(MaskRcnnTest, LabelMapsHaveNoMeaning) {
  EXPECT_THROW(MaskRcnn(small_options()).label_map(torch::zeros({1, 2, 2})), std::logic_error);
}

}  // namespace
}  // namespace medsweep::models
