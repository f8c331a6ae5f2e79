#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "models/mask_rcnn/image_transform.h"
#include "tests/models/mask_rcnn/rcnn_batch.h"

namespace medsweep::models {
namespace {

// What a user's data bring into one batch, in both precisions.
class EveryPrecisionsBatches : public testing::TestWithParam<Precision> {
 protected:
  MaskRcnnOptions options() const {
    MaskRcnnOptions options = small_options();
    options.precision = GetParam();
    return options;
  }
};

void expect_finite_gradients(MaskRcnn& model, const Losses& losses) {
  for (const auto& [name, loss] : losses) {
    EXPECT_EQ(loss.sum.scalar_type(), torch::kFloat) << name;
    EXPECT_TRUE(std::isfinite(loss.sum.item<double>())) << name;
  }
  model.zero_grad();
  mean_of(losses).backward();
  for (const auto& parameter : model.named_parameters()) {
    ASSERT_TRUE(parameter->grad().defined()) << parameter.key();
    EXPECT_TRUE(parameter->grad().isfinite().all().item<bool>()) << parameter.key();
  }
}

TEST_P(EveryPrecisionsBatches, SeveralScalesAndSizesTrainInOneBatch) {
  auto several = options();
  several.image.resize = RcnnResize::kShortSide;
  several.image.min_sizes = {48, 64, 96};
  several.image.max_size = 160;
  const datasets::Batch batch =
      made_batch({{64, 96}, {96, 64}, {40, 40}, {80, 50}},
                 {{{{4, 6, 30, 40}, 1}}, {{{10, 20, 50, 60}, 3}}, {}, {{{5, 5, 40, 70}, 2}}});
  const RcnnInput input = RcnnImageTransform(several).forward(batch, RcnnPhase::kTraining);
  std::set<std::int64_t> sides;
  for (const auto& size : input.sizes) sides.insert(std::min(size.height, size.width));
  EXPECT_GT(sides.size(), 1U) << "the keys of these samples draw different scales";
  MaskRcnn model(several);
  const Losses losses = model.loss(batch);
  EXPECT_GT(losses.at("loss_mask").weight, 0);
  expect_finite_gradients(model, losses);
}

TEST_P(EveryPrecisionsBatches, AnImageWithoutObjectsIsBackgroundBesideOneWithSome) {
  MaskRcnn model(options());
  const Losses both = model.loss(made_batch({{64, 64}, {64, 96}}, {{{{4, 6, 30, 40}, 1}}, {}}));
  EXPECT_EQ(both.at("loss_objectness").weight, 2 * 256);
  EXPECT_EQ(both.at("loss_classifier").weight, 2 * 64);
  EXPECT_GT(both.at("loss_mask").weight, 0);
  EXPECT_LE(both.at("loss_mask").weight, 16 * 28 * 28) << "a quarter of one image's regions";
  expect_finite_gradients(model, both);
}

TEST_P(EveryPrecisionsBatches, WithoutAnyObjectEveryParameterStillHasAGradient) {
  MaskRcnn model(options());
  const Losses losses = model.loss(made_batch({{64, 64}, {48, 96}}, {{}, {}}));
  EXPECT_EQ(losses.at("loss_mask").weight, 0);
  EXPECT_GT(losses.at("loss_classifier").sum.item<double>(), 0);
  expect_finite_gradients(model, losses);
}

INSTANTIATE_TEST_SUITE_P(Precisions, EveryPrecisionsBatches,
                         testing::Values(Precision::kFp32, Precision::kBf16));

}  // namespace
}  // namespace medsweep::models
