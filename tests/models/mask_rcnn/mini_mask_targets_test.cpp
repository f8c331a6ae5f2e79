#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <stdexcept>

#include "datasets/mini_masks.h"
#include "models/mask_rcnn/region_sampling.h"
#include "tests/models/mask_rcnn/rcnn_batch.h"

namespace medsweep::models {
namespace {

constexpr std::int64_t kHeight = 150, kWidth = 200;

/// Large, middle, small and narrow ellipses.
const std::vector<MadeObject> kEllipses{{{10, 20, 180, 140}, 1},
                                        {{60, 30, 110, 70}, 2},
                                        {{120, 90, 134, 101}, 1},
                                        {{5, 100, 45, 108}, 3}};

datasets::Batch batch_of(const std::vector<MadeObject>& objects, const datasets::Extent& mini) {
  datasets::Batch batch = made_batch({{kHeight, kWidth}}, {objects});
  auto& instances = batch.targets[0].at(datasets::kSegmentation).instances;
  if (mini.height > 0) instances = datasets::with_mini_masks(instances, mini);
  return batch;
}

/// What the mask head is to say of `regions` ([r, 4], of object i for region i), at an input that
/// is `zoom` times the image.
torch::Tensor targets_of(const datasets::Batch& batch, const torch::Tensor& regions,
                         double zoom = 1, MaskTarget kind = MaskTarget::kSoft) {
  MaskRcnnOptions options = small_options();
  const datasets::Extent size{std::lround(kHeight * zoom), std::lround(kWidth * zoom)};
  const RcnnTruth truth = truth_of(batch, {size}, options, 0);
  const std::int64_t count = regions.size(0);
  SampledRegions sampled;
  sampled.regions = {regions * zoom, torch::zeros({count}, torch::kLong), {count, 0, 0, 0}};
  sampled.labels = torch::ones({count}, torch::kLong);
  sampled.objects = torch::arange(count);
  options.roi.mask_target = kind;
  return mask_targets(sampled, torch::arange(count), truth, options.roi);
}

torch::Tensor boxes_of_objects(const datasets::Batch& batch) {
  return batch.targets[0].at(datasets::kSegmentation).instances.boxes;
}

struct Difference {
  double mean, largest;
};

Difference difference_of(const torch::Tensor& a, const torch::Tensor& b) {
  const torch::Tensor difference = (a - b).abs();
  return {difference.mean().item<double>(), difference.max().item<double>()};
}

TEST(MiniMaskTargets, OfTheObjectsBoxAgreeWithThoseOfWholeMasks) {
  const datasets::Batch whole = batch_of(kEllipses, {}), mini = batch_of(kEllipses, {56, 56});
  for (const double zoom : {1.0, 2.0}) {
    const auto expected = targets_of(whole, boxes_of_objects(whole), zoom);
    const auto got = targets_of(mini, boxes_of_objects(whole), zoom);
    for (std::int64_t i = 0; i < expected.size(0); ++i) {
      const Difference difference = difference_of(got[i], expected[i]);
      // An enlarged image has whole masks enlarged to blocks, mini masks to slopes.
      EXPECT_LT(difference.mean, zoom > 1 ? 0.04 : 0.02) << "object " << i << " at " << zoom;
      EXPECT_LT(difference.largest, 0.35) << "object " << i << " at " << zoom;
    }
  }
}

TEST(MiniMaskTargets, OfShiftedRegionsAgreeToo) {
  const datasets::Batch whole = batch_of(kEllipses, {}), mini = batch_of(kEllipses, {56, 56});
  const torch::Tensor boxes = boxes_of_objects(whole);
  const torch::Tensor sides = (boxes.narrow(1, 2, 2) - boxes.narrow(1, 0, 2)).repeat({1, 2});
  const torch::Tensor regions =
      boxes + sides * torch::tensor({-0.2, 0.1, 0.1, 0.25}, torch::kFloat);
  const auto expected = targets_of(whole, regions), got = targets_of(mini, regions);
  for (std::int64_t i = 0; i < expected.size(0); ++i)
    EXPECT_LT(difference_of(got[i], expected[i]).mean, 0.02) << "object " << i;
  // Left of the box nothing is the object's.
  EXPECT_EQ(got.narrow(2, 0, 3).abs().max().item<double>(), 0);
}

TEST(MiniMaskTargets, ALargerMiniMaskIsNearer) {
  const datasets::Batch whole = batch_of(kEllipses, {});
  const torch::Tensor boxes = boxes_of_objects(whole);
  const auto error = [&](std::int64_t side) {
    return difference_of(targets_of(batch_of(kEllipses, {side, side}), boxes),
                         targets_of(whole, boxes))
        .mean;
  };
  EXPECT_LT(error(56), error(14));
  EXPECT_LT(error(14), error(4));
}

TEST(MiniMaskTargets, RoundedAreZeroOrOne) {
  const datasets::Batch mini = batch_of(kEllipses, {56, 56});
  const auto got = targets_of(mini, boxes_of_objects(mini), 1, MaskTarget::kRounded);
  EXPECT_TRUE(((got == 0) | (got == 1)).all().item<bool>());
  EXPECT_GT(got.sum().item<double>(), 0);
}

// RoIAlign (not aligned) reads half a pixel to the right and below; there, outside of the box,
// whole masks fade and mini masks end.
TEST(MiniMaskTargets, OfABoxOfOnePixelAreItsPixel) {
  const std::vector<MadeObject> pixel{{{40, 50, 41, 51}, 1}};
  const datasets::Batch whole = batch_of(pixel, {}), mini = batch_of(pixel, {56, 56});
  const auto expected = targets_of(whole, boxes_of_objects(whole));
  const auto got = targets_of(mini, boxes_of_objects(whole));
  const auto inside = [](const torch::Tensor& targets) {
    return targets.narrow(1, 0, 13).narrow(2, 0, 13);
  };
  EXPECT_GT(inside(got).min().item<double>(), 0.25);
  EXPECT_LT(difference_of(inside(got), inside(expected)).largest, 0.03);
  EXPECT_FALSE((got > expected + 0.03).any().item<bool>());
}

TEST(MiniMaskTargets, ManyImagesKeepTheirOwn) {
  datasets::Batch whole = two_images(), mini = two_images();
  for (auto& target : mini.targets) {
    auto& instances = target.at(datasets::kSegmentation).instances;
    instances = datasets::with_mini_masks(instances, {56, 56});
  }
  MaskRcnn model(small_options());
  const Losses expected = model.loss(whole), got = model.loss(mini);
  for (const auto& [name, loss] : expected) {
    const double sum = loss.sum.item<double>();
    EXPECT_EQ(got.at(name).weight, loss.weight) << name;
    EXPECT_NEAR(got.at(name).sum.item<double>(), sum, (name == "loss_mask" ? 0.01 : 0) * sum)
        << name;
  }
}

TEST(MiniMaskTargets, EmptyOnesAndOtherCountsAreRefused) {
  const auto refusal = [](const std::function<void(torch::Tensor&)>& change) -> std::string {
    datasets::Batch batch = batch_of(kEllipses, {8, 8});
    change(batch.targets[0].at(datasets::kSegmentation).instances.mini_masks);
    try {
      objects_of(batch, 0, {.classes = 3}, RcnnOutputs::kMasks);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal([](torch::Tensor&) {}), "accepted");
  EXPECT_NE(refusal([](torch::Tensor& minis) {
              minis[2].zero_();
            }).find("sample 'sample0', task 'segmentation': object 2: its mask is empty"),
            std::string::npos);
  EXPECT_NE(refusal([](torch::Tensor& minis) {
              minis = minis.narrow(0, 0, 3);
            }).find("mini masks of 3 x 8 x 8; 4 x height x width are allowed"),
            std::string::npos);
}

}  // namespace
}  // namespace medsweep::models
