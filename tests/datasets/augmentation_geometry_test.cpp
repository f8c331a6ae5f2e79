#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "datasets/augmentation/augmentation.h"
#include "datasets/augmentation/boxes.h"
#include "datasets/augmentation/chain.h"
#include "datasets/augmentation/elastic.h"
#include "datasets/augmentation/geometry.h"
#include "datasets/augmentation/rotate.h"

namespace medsweep::datasets {
namespace {

RandomStream geometry_stream(std::uint64_t sample) {
  return RandomStream({11, static_cast<std::uint64_t>(RandomUse::kAugmentation), 0, sample});
}

// Labels in blobs, and an image that shows them: channel k is 1 where the label is k.
View shown_labels(const std::vector<std::int64_t>& shape) {
  torch::manual_seed(8);
  std::vector<std::int64_t> coarse, sizes;
  for (const std::int64_t side : shape) coarse.push_back(std::max<std::int64_t>(side / 6, 1));
  torch::Tensor labels = torch::randint(0, 4, coarse);
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const torch::Tensor index =
        (torch::arange(shape[axis]) * coarse[axis]).div(shape[axis], "floor");
    labels = labels.index_select(static_cast<std::int64_t>(axis), index);
  }
  const torch::Tensor image =
      torch::stack({labels == 0, labels == 1, labels == 2, labels == 3}).to(torch::kFloat32);
  return {image.contiguous(), labels.to(torch::kInt16).contiguous()};
}

/// The rows that only change places.
class EveryMove : public testing::TestWithParam<std::string_view> {};

TEST_P(EveryMove, MovesImageAndLabelsAlike) {
  const Augmentation augmentation =
      make_augmentation(GetParam(), {.probability = 1, .magnitude = 2, .spacing = 16});
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{60, 47}, {9, 30, 33}})
    for (std::uint64_t sample = 0; sample < 10; ++sample) {
      View view = shown_labels(shape);
      RandomStream stream = geometry_stream(sample);
      augmentation.apply(view, stream);
      std::int64_t seen = 0;
      for (int label = 0; label < 4; ++label) {
        const torch::Tensor certain = view.image[label] > 0.99;
        EXPECT_TRUE((view.labels.masked_select(certain) == label).all().item<bool>());
        seen += certain.sum().item<std::int64_t>();
      }
      EXPECT_GT(seen, view.labels.numel() / 8);
      const torch::Tensor outside = view.labels == static_cast<int>(kIgnored);
      EXPECT_LT(view.image.sum(0).masked_select(outside).sum().item<float>(),
                0.5F * static_cast<float>(outside.sum().item<std::int64_t>()) + 1);
    }
}

TEST_P(EveryMove, TakesMasksAndBoxesAlong) {
  const Augmentation augmentation =
      make_augmentation(GetParam(), {.probability = 1, .magnitude = 3, .spacing = 24});
  for (std::uint64_t sample = 0; sample < 20; ++sample) {
    View with_masks = shown_labels({60, 70});
    const torch::Tensor labels = torch::zeros({60, 70}, torch::kInt16);
    labels.slice(0, 20, 31).slice(1, 33, 50).fill_(1);
    with_masks.labels = labels;
    with_masks.masks = (labels == 1).to(torch::kUInt8).unsqueeze(0);
    with_masks.boxes = torch::tensor({33.0F, 20.0F, 50.0F, 31.0F}).unsqueeze(0);
    View with_boxes = with_masks;
    with_boxes.image = with_masks.image.clone();
    with_boxes.labels = labels.clone();
    with_boxes.boxes = with_masks.boxes.clone();
    with_boxes.masks = torch::Tensor();
    RandomStream first = geometry_stream(sample), second = geometry_stream(sample);
    augmentation.apply(with_masks, first);
    augmentation.apply(with_boxes, second);
    EXPECT_TRUE(torch::equal(with_masks.masks[0] == 1, with_masks.labels == 1));
    EXPECT_TRUE(torch::equal(with_masks.boxes, bounds_of(with_masks.masks)));
    if (GetParam() == "mirror_pad") continue;  // a mirrored part belongs to the mask
    // The outline's bounds, to the pixel whose middle lies within.
    EXPECT_LE((with_masks.boxes - with_boxes.boxes).abs().max().item<float>(), 1.01F);
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryMove, testing::ValuesIn([] {
                           std::vector<std::string_view> names;
                           for (const Row& row : augmentation_rows())
                             if (make_augmentation(row.name).draw) names.push_back(row.name);
                           return names;
                         }()),
                         [](const auto& info) { return std::string(info.param); });

TEST(EveryMove, AreTheRowsThatChangePlaces) {
  for (const char* name :
       {"flip", "rotate", "flip_rotate", "scale", "shear", "elastic", "crop", "mirror_pad"})
    EXPECT_TRUE(make_augmentation(name).draw) << name;
  EXPECT_FALSE(make_augmentation("noise").draw);
}

TEST(RotateFully, GivesTheLabelsBackExactly) {
  for (const auto& shape :
       std::vector<std::vector<std::int64_t>>{{584, 565}, {64, 64}, {7, 40, 33}}) {
    View view = shown_labels(shape);
    const View original{view.image.clone(), view.labels.clone()};
    rotate_view(view, 360);
    EXPECT_TRUE(torch::equal(view.labels, original.labels));
    EXPECT_LT((view.image - original.image).abs().max().item<float>(), 1e-3);
    Geometry geometry(view);
    append_rotation(geometry, -360);
    EXPECT_FALSE(geometry.is_identity()) << "the labels went through the sampling";
  }
}

TEST(Geometry, FlipsAreExactWhateverTheirNumber) {
  View view = shown_labels({5, 12, 17});
  const View original{view.image.clone(), view.labels.clone()};
  Geometry geometry(view);
  for (const std::size_t axis : {0U, 1U, 2U, 1U}) geometry.append_flip(axis);
  apply(geometry, view);
  EXPECT_TRUE(torch::equal(view.image, original.image.flip({1, 3})));
  EXPECT_TRUE(torch::equal(view.labels, original.labels.flip({0, 2})));
  Geometry twice(view);
  twice.append_flip(2);
  twice.append_flip(2);
  EXPECT_TRUE(twice.is_identity());
}

TEST(Geometry, TargetUndoesSource) {
  View view = shown_labels({80, 90});
  Geometry geometry(view);
  geometry.append_flip(1);
  append_rotation(geometry, 25);
  RandomStream stream = geometry_stream(0);
  geometry.append(DisplacementMap{draw_displacement(geometry, 4, 32, stream)});
  geometry.append_about_centre({{{1, 0, 0}, {0, 1.2, 0.1}, {0, 0, 0.9}}});
  for (const Point& point : {Point{0, 40, 45}, Point{0, 30, 60}, Point{0, 55.5, 33.25}}) {
    const Point back = geometry.source_of(geometry.target_of(point));
    for (std::size_t axis = 0; axis < 3; ++axis) EXPECT_NEAR(back[axis], point[axis], 1e-3);
  }
}

TEST(Chain, IsOneAfterTheOtherWithOneInterpolation) {
  const AugmentationOptions options{
      .probability = 1, .border = Border::kMirror, .magnitude = 3, .spacing = 24};
  std::vector<Augmentation> moves;
  for (const char* name : {"flip_rotate", "scale", "elastic", "shear"})
    moves.push_back(make_augmentation(name, options));
  // A smooth image: interpolating four times differs little from once.
  const torch::Tensor y = torch::arange(90).reshape({1, 90, 1}),
                      x = torch::arange(80).reshape({1, 1, 80});
  const torch::Tensor image =
      ((0.07 * y).sin() + (0.05 * x).cos()).to(torch::kFloat32).contiguous();
  for (std::uint64_t sample = 0; sample < 5; ++sample) {
    View apart{image.clone(), torch::zeros({90, 80}, torch::kInt16)};
    View together{image.clone(), apart.labels.clone()};
    RandomStream first = geometry_stream(sample), second = geometry_stream(sample);
    for (const Augmentation& move : moves) move.apply(apart, first);
    chain(moves).apply(together, second);
    EXPECT_LT((apart.image - together.image).abs().mean().item<float>(), 0.004);
    EXPECT_LT((apart.image - together.image).abs().max().item<float>(), 0.1);
    EXPECT_GT((image - together.image).abs().max().item<float>(), 0.2);
    EXPECT_EQ(first.bits(), second.bits());
  }
}

TEST(Chain, AppliesTheListInItsOrder) {
  const AugmentationOptions options{.probability = 1, .sigma = 0.3};
  const Augmentation list = make_augmentation({{"noise", options}, {"blur", options}});
  const Augmentation reversed = make_augmentation({{"blur", options}, {"noise", options}});
  View smooth = shown_labels({64, 64}), rough = shown_labels({64, 64});
  RandomStream first = geometry_stream(1), second = geometry_stream(1);
  list.apply(smooth, first);
  reversed.apply(rough, second);
  EXPECT_LT(smooth.image.diff().abs().mean().item<float>(),
            rough.image.diff().abs().mean().item<float>());
  EXPECT_TRUE(make_augmentation(std::vector<NamedAugmentation>{}).apply);
}

TEST(Scale, EnlargesByItsFactor) {
  View view{torch::ones({1, 101, 101}), torch::zeros({101, 101}, torch::kInt16)};
  view.labels.slice(0, 40, 61).slice(1, 40, 61).fill_(1);  // 21 x 21
  Geometry geometry(view);
  geometry.append_about_centre({{{1, 0, 0}, {0, 0.5, 0}, {0, 0, 0.5}}});
  apply(geometry, view);
  EXPECT_NEAR((view.labels == 1).sum().item<double>(), 42 * 42, 90);
}

TEST(Elastic, MovesByHalfItsMagnitudeSmoothlyAndInSpace) {
  View view = shown_labels({10, 64, 64});
  view.spacing = {5, 1, 1};
  double squares = 0, depth_squares = 0, steepest = 0;
  for (std::uint64_t sample = 0; sample < 30; ++sample) {
    RandomStream stream = geometry_stream(sample);
    const torch::Tensor field = draw_displacement(Geometry(view), 4, 16, stream);
    squares += field[2].square().mean().item<double>() / 30;
    depth_squares += field[0].square().mean().item<double>() / 30;
    steepest = std::max(steepest, field[2].diff(1, 2).abs().max().item<double>());
  }
  // The squares of a cubic B-spline's weights sum to 0.479 on average, along each of three axes.
  const double expected = 4 * std::pow(0.479, 1.5);
  EXPECT_NEAR(std::sqrt(squares), expected, 0.12 * expected);
  EXPECT_NEAR(std::sqrt(depth_squares), expected / 5, 0.12 * expected / 5);
  EXPECT_LT(steepest, 1);  // nothing folds
}

TEST(Crop, FindsSmallForeground) {
  const Augmentation often =
      make_augmentation("crop", {.probability = 1, .smallest = 0.25, .foreground = 1});
  for (std::uint64_t sample = 0; sample < 50; ++sample) {
    View view{torch::zeros({1, 100, 100}), torch::zeros({100, 100}, torch::kInt16)};
    view.labels[7][90] = 2;  // near a corner
    View volume{torch::zeros({1, 20, 40, 40}), torch::zeros({20, 40, 40}, torch::kInt16)};
    volume.labels[3].slice(0, 30, 34).slice(1, 8, 12).fill_(1);
    RandomStream first = geometry_stream(sample), second = geometry_stream(sample);
    often.apply(view, first);
    often.apply(volume, second);
    EXPECT_TRUE((view.labels == 2).any().item<bool>());
    EXPECT_TRUE((volume.labels == 1).any().item<bool>());
    EXPECT_FALSE((view.labels == static_cast<int>(kIgnored)).any().item<bool>()) << "all within";
  }
}

TEST(MirrorPad, IsAWindowOfThePaddedImage) {
  const Augmentation augmentation =
      make_augmentation("mirror_pad", {.probability = 1, .margin = 0.25});
  View original = shown_labels({40, 32});
  const torch::Tensor padded = torch::constant_pad_nd(original.image, {0, 0, 0, 0});
  const torch::Tensor mirrored =
      torch::nn::functional::pad(
          padded.unsqueeze(0),
          torch::nn::functional::PadFuncOptions({8, 8, 10, 10}).mode(torch::kReflect))
          .squeeze(0);
  for (std::uint64_t sample = 0; sample < 10; ++sample) {
    View view{original.image.clone(), original.labels.clone()};
    RandomStream stream = geometry_stream(sample);
    augmentation.apply(view, stream);
    bool found = false;
    for (std::int64_t top = 0; top <= 20; ++top)
      for (std::int64_t left = 0; left <= 16; ++left)
        found = found || torch::equal(view.image,
                                      mirrored.slice(1, top, top + 40).slice(2, left, left + 32));
    EXPECT_TRUE(found);
    EXPECT_FALSE((view.labels == static_cast<int>(kIgnored)).any().item<bool>());
  }
}

TEST(Border, MirrorLeavesNothingUnknown) {
  const AugmentationOptions mirrored{.probability = 1, .border = Border::kMirror};
  for (const char* name : {"rotate", "flip_rotate", "scale", "shear", "elastic"})
    for (const auto& shape : std::vector<std::vector<std::int64_t>>{{40, 50}, {6, 24, 24}}) {
      View view = shown_labels(shape);
      RandomStream stream = geometry_stream(5);
      make_augmentation(name, mirrored).apply(view, stream);
      EXPECT_FALSE((view.labels == static_cast<int>(kIgnored)).any().item<bool>()) << name;
    }
}

TEST(Boxes, RotateWithTheImage) {
  View view{torch::zeros({1, 100, 100}), torch::zeros({100, 100}, torch::kInt16)};
  view.boxes = torch::tensor({10.0F, 20.0F, 40.0F, 30.0F}).unsqueeze(0);
  rotate_view(view, 90);  // counter-clockwise: right becomes top
  EXPECT_TRUE(torch::allclose(view.boxes, torch::tensor({20.0F, 60.0F, 30.0F, 90.0F}).unsqueeze(0),
                              0, 1e-4));
}

TEST(Boxes, AreClippedAndVanishToNothing) {
  View view{torch::zeros({1, 50, 50}), torch::zeros({50, 50}, torch::kInt16)};
  view.boxes = torch::tensor({{0.0F, 0.0F, 4.0F, 4.0F}, {20.0F, 20.0F, 50.0F, 30.0F}});
  Geometry geometry(view);
  geometry.append_about_centre({{{1, 0, 0}, {0, 0.5, 0}, {0, 0, 0.5}}});  // twice as large
  apply(geometry, view);
  EXPECT_TRUE(torch::equal(view.boxes[0], torch::zeros({4})));
  EXPECT_TRUE(torch::allclose(view.boxes[1], torch::tensor({15.0F, 15.0F, 50.0F, 35.0F}), 0, 1e-4));
}

TEST(Boxes, OfVolumesAreRefused) {
  View view = shown_labels({4, 10, 10});
  view.boxes = torch::zeros({1, 4});
  EXPECT_THROW(rotate_view(view, 10), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::datasets
