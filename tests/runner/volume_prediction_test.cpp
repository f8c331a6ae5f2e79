#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "runner/case_stack.h"
#include "runner/prediction.h"

namespace medsweep::runner {
namespace {

using datasets::EvaluationSample;
using datasets::Extent;

/// Says of a voxel what it is, and takes volumes of one size only.
class VoxelModel : public models::Model {
 public:
  explicit VoxelModel(Extent allowed) : allowed_(allowed) {}
  models::Losses loss(const datasets::Batch&) override { return {}; }
  std::optional<models::LossWeights> loss_weights(const datasets::Batch&) const override {
    return models::LossWeights{};
  }
  models::Predictions predict(const datasets::Batch& batch) override {
    models::Predictions predictions;
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      EXPECT_EQ(batch.sizes[static_cast<std::size_t>(i)], allowed_);
      predictions.push_back({batch.images[i].clone(), label_map(batch.images[i])});
      ++boxes;
    }
    return predictions;
  }
  torch::Tensor label_map(const torch::Tensor& probabilities) const override {
    return (probabilities[0] > 0.5).to(torch::kUInt8);
  }
  std::int64_t size_multiple() const override { return 1; }
  int boxes = 0;

 private:
  Extent allowed_;
};

EvaluationSample volume_sample(const torch::Tensor& image) {
  EvaluationSample sample;
  const Extent own = datasets::image_extent(image);
  sample.placement = datasets::place(datasets::ResizeMode::kNone, own, {});
  sample.sample.image = image;
  sample.sample.id.name = sample.sample.id.case_name = "pat0";
  sample.sample.id.spacing = {2, 1, 1};
  sample.truth[datasets::kSegmentation].labels = (image[0] > 0.5).to(torch::kLong);
  sample.truth[datasets::kSegmentation].labels[0].fill_(datasets::kIgnored);
  return sample;
}

TEST(VolumePrediction, BoxesThatOverlapGiveTheVolumeBack) {
  torch::manual_seed(1);
  const EvaluationSample sample = volume_sample(torch::rand({1, 7, 12, 9}));
  VoxelModel model({5, 4, 3});
  PredictionOptions options;
  options.patch = {5, 4, 3};
  options.batch_size = 2;
  const models::Predictions predictions = predict(model, {sample}, options);
  EXPECT_GT(model.boxes, 3 * 3 * 3);
  EXPECT_TRUE(torch::allclose(predictions[0].probabilities, sample.sample.image, 1e-5, 1e-6));
  EXPECT_EQ(predictions[0].labels.sizes().vec(), (std::vector<std::int64_t>{7, 12, 9}));
}

TEST(VolumePrediction, AVolumeSmallerThanTheBoxIsGivenInOne) {
  const EvaluationSample sample = volume_sample(torch::rand({1, 3, 4, 4}));
  VoxelModel model({8, 8, 8});
  const models::Predictions predictions = predict(model, {sample}, {.patch = {8, 8, 8}});
  EXPECT_EQ(model.boxes, 1);
  EXPECT_TRUE(torch::allclose(predictions[0].probabilities, sample.sample.image, 1e-5, 1e-6));
}

/// Knows where the first voxel of what it is given lies: nothing mirrored looks alike.
class CornerModel : public VoxelModel {
 public:
  explicit CornerModel(Extent allowed) : VoxelModel(allowed) {}
  models::Predictions predict(const datasets::Batch& batch) override {
    models::Predictions predictions = VoxelModel::predict(batch);
    for (models::Prediction& prediction : predictions) {
      prediction.probabilities.zero_();
      prediction.probabilities.flatten()[0] = 1;
    }
    return predictions;
  }
};

TEST(VolumePrediction, MirroredIsTheMeanOverEightVolumes) {
  const EvaluationSample sample = volume_sample(torch::rand({1, 3, 5, 4}));
  CornerModel model({5, 4, 3});
  const torch::Tensor mean =
      predict(model, {sample}, {.patch = {}, .mirroring = Mirroring::kAll})[0].probabilities;
  EXPECT_EQ(model.boxes, 8);
  EXPECT_FLOAT_EQ(mean.sum().item<float>(), 1);
  for (const std::int64_t z : {0, 2})
    for (const std::int64_t y : {0, 4})
      for (const std::int64_t x : {0, 3}) EXPECT_FLOAT_EQ(mean[0][z][y][x].item<float>(), 0.125F);
}

TEST(VolumePrediction, WithoutABoxTheWholeVolumeIsGiven) {
  const EvaluationSample sample = volume_sample(torch::rand({1, 3, 5, 4}));
  VoxelModel model({5, 4, 3});
  EXPECT_TRUE(torch::equal(predict(model, {sample}, {})[0].probabilities, sample.sample.image));
}

TEST(VolumeCase, IsTheVolumeWithWhatCounts) {
  const EvaluationSample sample = volume_sample(torch::rand({1, 3, 5, 4}));
  VoxelModel model({5, 4, 3});
  const models::Predictions predictions = predict(model, {sample}, {});
  const LabelTask task{datasets::kSegmentation, {"lesion"}};
  const Case whole = stack_case("pat0", {sample}, predictions, task);
  EXPECT_EQ(whole.truth.sizes().vec(), (std::vector<std::int64_t>{3, 5, 4}));
  EXPECT_EQ(whole.spacing, (std::vector<double>{2, 1, 1}));
  EXPECT_FALSE(whole.valid[0].any().item<bool>());
  EXPECT_TRUE(whole.valid.slice(0, 1).all().item<bool>());
  EXPECT_NO_THROW(checked(whole));
  EXPECT_THROW(stack_case("pat0", {sample, sample}, {predictions[0], predictions[0]}, task),
               std::runtime_error);
}

}  // namespace
}  // namespace medsweep::runner
