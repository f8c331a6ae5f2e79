#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>

#include "tests/models/mask_rcnn/rcnn_batch.h"

namespace medsweep::models {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// What objects_of says of the second sample after `change` to its instances.
std::string refusal(const std::function<void(datasets::Instances&)>& change,
                    RcnnOutputs outputs = RcnnOutputs::kMasks) {
  datasets::Batch batch = two_images();
  datasets::Instances& instances = batch.targets[1].at(datasets::kSegmentation).instances;
  for (auto* tensor : {&instances.boxes, &instances.labels, &instances.masks, &instances.ignore})
    *tensor = tensor->clone();
  change(instances);
  const RcnnTask task{.name = datasets::kSegmentation, .classes = 3};
  objects_of(batch, 0, task, outputs);
  try {
    objects_of(batch, 1, task, outputs);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

void expect_refused(const std::string& part,
                    const std::function<void(datasets::Instances&)>& change) {
  const std::string text = refusal(change);
  EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_NE(text.find("'sample1'"), std::string::npos) << text;
}

TEST(RcnnBadInputTest, BoxesOfZeroAreaOutsideOrNotFiniteAreRefused) {
  const auto with_box = [](std::vector<float> box) {
    return [box](datasets::Instances& instances) { instances.boxes[1] = torch::tensor(box); };
  };
  expect_refused("object 1: the box (10, 5, 10, 9) has no area", with_box({10, 5, 10, 9}));
  expect_refused("has no area", with_box({10, 9, 12, 5}));
  expect_refused("leaves the image of 64 x 96", with_box({10, 5, 65, 9}));
  expect_refused("leaves the image", with_box({-2, 5, 20, 9}));
  expect_refused("is not finite", with_box({kNan, 5, 20, 9}));
  EXPECT_EQ(refusal(with_box({0, 0, 64, 96})), "accepted");
}

TEST(RcnnBadInputTest, LabelsOutsideTheClassesAreRefused) {
  expect_refused("label 4; 1 to 3", [](auto& instances) { instances.labels[0] = 4; });
  expect_refused("label 0; 1 to 3", [](auto& instances) { instances.labels[0] = 0; });
}

TEST(RcnnBadInputTest, MasksMissingEmptyOrOfAnotherSizeAreRefused) {
  expect_refused("object 1: its mask is empty",
                 [](auto& instances) { instances.masks[1].zero_(); });
  expect_refused("no masks", [](auto& instances) { instances.masks.reset(); });
  expect_refused("masks of 2 x 90 x 64",
                 [](auto& instances) { instances.masks = instances.masks.narrow(1, 0, 90); });
  EXPECT_EQ(refusal([](auto& instances) { instances.masks.reset(); }, RcnnOutputs::kBoxes),
            "accepted");
}

TEST(RcnnBadInputTest, FaultsOfCrowdsMasksAndClassesDoNotCount) {
  EXPECT_EQ(refusal([](auto& instances) {
              instances.masks[1].zero_();
              instances.labels[1] = 9;
              instances.ignore[1] = 1;
            }),
            "accepted");
}

TEST(RcnnBadInputTest, SamplesWithoutInstancesAreRefused) {
  expect_refused("no objects are given",
                 [](auto& instances) { instances = datasets::Instances{}; });
}

TEST(RcnnBadInputTest, BatchesWithoutRandomKeysAreRefused) {
  MaskRcnn model(small_options());
  auto batch = two_images();
  batch.random_keys.clear();
  EXPECT_THROW(model.loss(batch), std::invalid_argument);
  EXPECT_THROW(model.loss(made_batch({{64, 64}}, {{}}, 1)), std::invalid_argument);
}

TEST(RcnnBadInputTest, BoxesMayLeaveTheImageByARoundingErrorAlone) {
  const auto to_right = [](float x) {
    return refusal([x](auto& instances) {
      instances.boxes[1] = torch::tensor({2.F, 5.F, x, 9.F});
    });
  };
  EXPECT_EQ(to_right(64.0009F), "accepted");
  EXPECT_NE(to_right(64.002F).find("leaves the image"), std::string::npos);
}

/// Networks whose heads normalise, share features or have no masks.
std::vector<MaskRcnnOptions> other_kinds() {
  std::vector<MaskRcnnOptions> kinds(4, small_options());
  kinds[0].version = RcnnVersion::kV2;
  kinds[1].outputs = RcnnOutputs::kBoxes;
  kinds[2] = matterport_profile(kinds[2]);
  kinds[2].image.resize = RcnnResize::kNone;
  kinds[3].attention["mask_head"] = {.name = "relative_self_attention"};
  return kinds;
}

TEST(RcnnBadInputTest, NoObjectsInTheWholeBatchTrainEveryKindOfNetwork) {
  for (const auto& options : other_kinds()) {
    MaskRcnn model(options);
    const Losses losses = model.loss(made_batch({{64, 64}, {48, 64}}, {{}, {}}));
    for (const auto& [name, loss] : losses)
      EXPECT_TRUE(std::isfinite(loss.sum.item<double>())) << name;
    EXPECT_EQ(losses.at("loss_box_reg").sum.item<double>(), 0);
    mean_of(losses).backward();
    for (const auto& parameter : model.named_parameters())
      ASSERT_TRUE(parameter->grad().isfinite().all().item<bool>()) << parameter.key();
    for (const auto& buffer : model.named_buffers())
      EXPECT_TRUE(buffer->isfinite().all().item<bool>()) << buffer.key();
  }
}

TEST(RcnnBadInputTest, NoObjectsInTheWholeBatchTrainAsBackground) {
  MaskRcnn model(small_options());
  const Losses losses = model.loss(made_batch({{64, 64}, {48, 64}}, {{}, {}}));
  EXPECT_GT(losses.at("loss_objectness").weight, 0);
  EXPECT_GT(losses.at("loss_objectness").sum.item<double>(), 0);
  EXPECT_GT(losses.at("loss_classifier").sum.item<double>(), 0);
  EXPECT_EQ(losses.at("loss_rpn_box_reg").sum.item<double>(), 0);
  EXPECT_EQ(losses.at("loss_box_reg").sum.item<double>(), 0);
  EXPECT_EQ(losses.at("loss_mask").sum.item<double>(), 0);
  EXPECT_EQ(losses.at("loss_mask").weight, 0);
  mean_of(losses).backward();
  for (const auto& parameter : model.named_parameters())
    ASSERT_TRUE(parameter->grad().defined()) << parameter.key();
}

TEST(RcnnBadInputTest, AnAllBlackImageTrainsAndIsPredicted) {
  MaskRcnn model(small_options());
  datasets::Batch batch = two_images();
  batch.images.zero_();
  for (const auto& [name, loss] : model.loss(batch))
    EXPECT_TRUE(std::isfinite(loss.sum.item<double>())) << name;
  model.eval();
  const Predictions predictions = model.predict(batch);
  ASSERT_EQ(predictions.size(), 2U);
  for (const auto& prediction : predictions) {
    const Detections& found = prediction.detections.at(datasets::kSegmentation);
    EXPECT_TRUE(found.boxes.isfinite().all().item<bool>());
    EXPECT_TRUE(found.scores.isfinite().all().item<bool>());
  }
}

TEST(RcnnBadInputTest, FiveThousandObjectsInOneImageTrain) {
  datasets::Batch batch = made_batch({{64, 64}}, {{}});
  auto& instances = batch.targets[0].at(datasets::kSegmentation).instances;
  torch::manual_seed(0);
  const torch::Tensor low = (torch::rand({5000, 2}) * 56).floor();
  instances.boxes = torch::cat({low, low + 8}, 1);
  instances.labels = torch::ones({5000}, torch::kByte);
  instances.ignore = torch::zeros({5000}, torch::kByte);
  instances.masks = torch::ones({5000, 64, 64}, torch::kByte);
  MaskRcnn model(small_options());
  const Losses losses = model.loss(batch);
  for (const auto& [name, loss] : losses) {
    EXPECT_TRUE(std::isfinite(loss.sum.item<double>())) << name;
    EXPECT_GT(loss.weight, 0) << name;
  }
}

}  // namespace
}  // namespace medsweep::models
