#include "runner/prediction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "datasets/resize.h"

namespace medsweep::runner {
namespace {

using datasets::EvaluationSample;
using datasets::Extent;
using datasets::ResizeMode;

/// What a pixel says of itself, or its window's mean: no weights, no network.
class PixelModel : public models::Model {
 public:
  enum class Says { kPixel, kMeanOfImage };
  explicit PixelModel(Says says = Says::kPixel, std::int64_t multiple = 1)
      : says_(says), multiple_(multiple) {}

  models::Losses loss(const datasets::Batch&) override { return {}; }
  std::optional<models::LossWeights> loss_weights(const datasets::Batch&) const override {
    return models::LossWeights{};
  }
  models::Predictions predict(const datasets::Batch& batch) override {
    EXPECT_FALSE(is_training());
    EXPECT_FALSE(torch::GradMode::is_enabled());
    EXPECT_EQ(batch.images.size(2) % multiple_, 0);
    EXPECT_EQ(batch.images.size(3) % multiple_, 0);
    batch_sizes.push_back(batch.size());
    models::Predictions predictions;
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      const Extent& size = batch.sizes[static_cast<std::size_t>(i)];
      torch::Tensor image =
          batch.images[i].slice(1, 0, size.height).slice(2, 0, size.width).clone();
      if (says_ == Says::kMeanOfImage) image.fill_(image.mean().item<float>());
      predictions.push_back({image, label_map(image)});
    }
    return predictions;
  }
  torch::Tensor label_map(const torch::Tensor& probabilities) const override {
    return (probabilities[0] > 0.5).to(torch::kUInt8);
  }
  std::int64_t size_multiple() const override { return multiple_; }

  std::vector<std::int64_t> batch_sizes;

 private:
  Says says_;
  std::int64_t multiple_;
};

EvaluationSample sample_of(const torch::Tensor& image, ResizeMode mode = ResizeMode::kNone,
                           const Extent& target = {}) {
  EvaluationSample sample;
  sample.placement = datasets::place(mode, {image.size(1), image.size(2)}, target);
  sample.sample.image = datasets::resize_image(image, sample.placement);
  sample.sample.id.name = "21_training";
  return sample;
}

/// The lower half is foreground.
torch::Tensor half_image(std::int64_t height, std::int64_t width) {
  torch::Tensor image = torch::zeros({1, height, width});
  image.slice(1, height / 2, height).fill_(1);
  return image;
}

TEST(Predict, AnImageOfItsOwnSizeIsPaddedToTheMultipleAndBack) {
  PixelModel model(PixelModel::Says::kPixel, 16);
  const torch::Tensor image = torch::rand({1, 37, 21});

  const models::Prediction prediction = predict_sample(model, sample_of(image), {});

  EXPECT_TRUE(prediction.probabilities.equal(image));
  EXPECT_TRUE(prediction.labels.equal((image[0] > 0.5).to(torch::kUInt8)));
}

TEST(Predict, PaddingIsCutOffAgain) {
  PixelModel model;
  const torch::Tensor image = torch::rand({1, 10, 7});

  const models::Prediction prediction =
      predict_sample(model, sample_of(image, ResizeMode::kPad, {16, 16}), {});

  EXPECT_TRUE(prediction.probabilities.equal(image));
  EXPECT_TRUE(prediction.labels.equal((image[0] > 0.5).to(torch::kUInt8)));
}

TEST(Predict, WhatWasStretchedIsScaledBackAndLabelledThere) {
  PixelModel model;
  const torch::Tensor image = half_image(12, 30);

  const models::Prediction prediction =
      predict_sample(model, sample_of(image, ResizeMode::kStretch, {24, 20}), {});

  ASSERT_EQ(prediction.probabilities.sizes(), image.sizes());
  EXPECT_LT((prediction.probabilities - image).abs().max().item<double>(), 0.5);
  EXPECT_TRUE(prediction.labels.equal(image[0].to(torch::kUInt8)));
}

TEST(Predict, WhatWasShrunkToFitComesBackInItsOwnSize) {
  PixelModel model;
  const torch::Tensor image = half_image(40, 20);

  const models::Prediction prediction =
      predict_sample(model, sample_of(image, ResizeMode::kPad, {16, 16}), {});

  EXPECT_EQ(prediction.probabilities.sizes(), image.sizes());
  EXPECT_TRUE(prediction.labels.equal(image[0].to(torch::kUInt8)));
}

TEST(Predict, WindowsGiveEveryPixelItsOwnPrediction) {
  PixelModel model(PixelModel::Says::kPixel, 4);
  const torch::Tensor image = torch::rand({1, 13, 30});
  PredictionOptions options;
  options.patch = {8, 8};
  options.batch_size = 5;

  const models::Prediction prediction = predict_sample(model, sample_of(image), options);

  EXPECT_TRUE(prediction.probabilities.allclose(image, 1e-5, 1e-6));
  EXPECT_TRUE(prediction.labels.equal(model.label_map(prediction.probabilities)));
  const std::size_t tiles = datasets::windows({13, 30}, {8, 8}, 0.5).size();
  EXPECT_EQ(std::accumulate(model.batch_sizes.begin(), model.batch_sizes.end(), 0),
            static_cast<int>(tiles));
  EXPECT_THAT(model.batch_sizes, testing::Each(testing::Le(5)));
}

TEST(Predict, WindowsThatOverlapAreAveragedByWeight) {
  PixelModel model(PixelModel::Says::kMeanOfImage);
  torch::Tensor image = torch::zeros({1, 4, 6});
  image.slice(2, 4, 6).fill_(1);
  PredictionOptions options;
  options.patch = {4, 4};
  options.weight = datasets::TileWeight::kConstant;

  // The windows at columns 0 and 2 say 0 and 0.5; columns 2 and 3 lie in both.
  const models::Prediction prediction = predict_sample(model, sample_of(image), options);

  const torch::Tensor row = torch::tensor({0.0, 0.0, 0.25, 0.25, 0.5, 0.5}, torch::kFloat32);
  EXPECT_TRUE(prediction.probabilities.allclose(row.expand({1, 4, 6})));
}

TEST(Predict, AnImageWithinThePatchIsPredictedWhole) {
  PixelModel model(PixelModel::Says::kMeanOfImage);
  const torch::Tensor image = torch::rand({1, 6, 8});
  PredictionOptions options;
  options.patch = {8, 8};

  const models::Prediction prediction = predict_sample(model, sample_of(image), options);

  EXPECT_TRUE(prediction.probabilities.allclose(image.mean().expand_as(image)));
}

TEST(Predict, WindowsSlideOverTheResizedImage) {
  PixelModel model;
  const torch::Tensor image = half_image(12, 10);
  PredictionOptions options;
  options.patch = {8, 8};

  const models::Prediction prediction =
      predict_sample(model, sample_of(image, ResizeMode::kStretch, {24, 20}), options);

  EXPECT_GT(model.batch_sizes.size(), 1U);
  EXPECT_TRUE(prediction.labels.equal(image[0].to(torch::kUInt8)));
}

TEST(Predict, SamplesOfDifferentSizesDoNotTouchEachOther) {
  PixelModel model(PixelModel::Says::kMeanOfImage);
  PredictionOptions options;
  options.patch = {8, 8};
  options.batch_size = 4;
  std::vector<EvaluationSample> samples;
  for (const auto& [height, width] : {std::pair{5, 7}, {5, 7}, {9, 9}, {5, 6}})
    samples.push_back(sample_of(torch::rand({1, height, width})));

  const models::Predictions together = predict(model, samples, options);

  ASSERT_EQ(together.size(), 4U);
  EXPECT_EQ(model.batch_sizes, (std::vector<std::int64_t>{2, 4, 1}));
  for (std::size_t i = 0; i < samples.size(); ++i)
    EXPECT_TRUE(
        together[i].probabilities.equal(predict_sample(model, samples[i], options).probabilities))
        << i;
}

TEST(Predict, LeavesTheModelInItsMode) {
  PixelModel model;
  model.train();
  predict_sample(model, sample_of(torch::rand({1, 4, 4})), {});
  EXPECT_TRUE(model.is_training());
  model.eval();
  predict_sample(model, sample_of(torch::rand({1, 4, 4})), {});
  EXPECT_FALSE(model.is_training());
}

TEST(Predict, ABatchOfNoImagesIsRefused) {
  PixelModel model;
  PredictionOptions options;
  options.batch_size = 0;
  try {
    predict(model, {}, options);
    FAIL() << "a batch size of 0 was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "[prediction] a batch of 0 images; at least 1 is allowed");
  }
}

}  // namespace
}  // namespace medsweep::runner
