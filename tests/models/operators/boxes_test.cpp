#include "models/operators/boxes.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "models/operators/paste_masks.h"
#include "tests/models/operators/golden_operators.h"

namespace medsweep::models {
namespace {

using golden::boxes_in;
using golden::kBoxes;
using golden::tensor_of;
using golden::uniform;

const datasets::Extent kImage{96, 128};

TEST(Boxes, CodingAreaClippingAndIouEqualTorchvision) {
  const auto expected = golden::operator_numbers()["boxes"];
  const torch::Tensor anchors = boxes_in(kBoxes, 20, 128, 96, 60);
  const torch::Tensor boxes = boxes_in(kBoxes + 1, 20, 128, 96, 60);
  const torch::Tensor deltas = uniform(golden::kDeltas, {20, 12}) * 6;
  const BoxCoder wide{{10, 10, 5, 5}}, narrow{};
  const torch::Tensor decoded = narrow.decode(deltas, anchors);
  const auto expect = [&](const torch::Tensor& got, const char* key, double tolerance) {
    golden::expect_close(got.flatten(), tensor_of(expected[key]), tolerance, key);
  };
  expect(wide.encode(boxes, anchors), "encoded", 2e-4);
  expect(wide.decode(deltas, anchors), "decoded", 1e-4);
  expect(decoded, "decoded_narrow", 2e-3);  // coordinates of up to 4000
  expect(clip_boxes(decoded, kImage), "clipped", 1e-4);
  expect(box_area(boxes), "area", 1e-3);
  expect(box_iou(anchors, boxes), "iou", 1e-7);
}

TEST(Boxes, DecodingUndoesEncoding) {
  const torch::Tensor anchors = boxes_in(kBoxes, 50, 128, 96, 60) + torch::tensor({0, 0, 4, 4});
  const torch::Tensor boxes = boxes_in(kBoxes + 1, 50, 128, 96, 60) + torch::tensor({0, 0, 4, 4});
  const BoxCoder coder{{10, 10, 5, 5}};
  golden::expect_close(coder.decode(coder.encode(boxes, anchors), anchors), boxes, 1e-4, "boxes");
}

TEST(Boxes, ADecodedSizeIsAtMostSixtyTwoAnchors) {
  const torch::Tensor anchor = torch::tensor({0.0, 0.0, 16.0, 8.0}, torch::kFloat).view({1, 4});
  const torch::Tensor deltas = torch::tensor({0.0, 0.0, 50.0, 1000.0}, torch::kFloat).view({1, 4});
  const torch::Tensor box = BoxCoder{}.decode(deltas, anchor);
  EXPECT_NEAR((box[0][2] - box[0][0]).item<double>(), 1000, 1e-2);
  EXPECT_NEAR((box[0][3] - box[0][1]).item<double>(), 500, 1e-2);
}

TEST(Boxes, IouIsAFractionOfPixelsAndZeroWithoutAnyArea) {
  const torch::Tensor a = torch::tensor({0.0, 0.0, 4.0, 4.0, 2.0, 2.0, 2.0, 2.0}).view({2, 4});
  const torch::Tensor b =
      torch::tensor({0.0, 0.0, 4.0, 2.0, 4.0, 0.0, 8.0, 4.0, 2.0, 2.0, 2.0, 2.0}).view({3, 4});
  const torch::Tensor expected = torch::tensor({0.5, 0.0, 0.0, 0.0, 0.0, 0.0}).view({2, 3});
  EXPECT_TRUE(torch::equal(box_iou(a, b), expected));
  EXPECT_EQ(box_iou(a, torch::empty({0, 4})).sizes(), (std::vector<std::int64_t>{2, 0}));
  EXPECT_EQ(box_iou(torch::empty({0, 4}), b).sizes(), (std::vector<std::int64_t>{0, 3}));
}

TEST(Boxes, NoBoxesAreAllowedEverywhere) {
  const torch::Tensor none = torch::empty({0, 4});
  EXPECT_EQ(BoxCoder{}.encode(none, none).sizes(), none.sizes());
  EXPECT_EQ(BoxCoder{}.decode(torch::empty({0, 8}), none).sizes(),
            (std::vector<std::int64_t>{0, 8}));
  EXPECT_EQ(clip_boxes(none, kImage).sizes(), none.sizes());
  EXPECT_EQ(box_area(none).numel(), 0);
}

TEST(Boxes, OtherShapesAreRefused) {
  const torch::Tensor boxes = torch::zeros({3, 4});
  EXPECT_THROW(box_area(torch::zeros({3, 5})), std::invalid_argument);
  EXPECT_THROW(box_iou(boxes, torch::zeros({4})), std::invalid_argument);
  EXPECT_THROW(clip_boxes(torch::zeros({3, 6}), kImage), std::invalid_argument);
  EXPECT_THROW(BoxCoder{}.encode(boxes, torch::zeros({2, 4})), std::invalid_argument);
  EXPECT_THROW(BoxCoder{}.decode(boxes, torch::zeros({2, 4})), std::invalid_argument);
}

TEST(MaskIou, EqualsTheSumsOfPixelsAndOfACrowdTheShareInside) {
  const torch::Tensor a = (uniform(1, {5, 37, 29}) > 0).to(torch::kByte);
  torch::Tensor b = (uniform(2, {4, 37, 29}) > 0.5).to(torch::kByte) * 255;
  b[3].zero_();
  const torch::Tensor crowd = torch::tensor({0, 1, 0, 1}, torch::kByte);
  const torch::Tensor got = mask_iou(a, b, crowd);
  ASSERT_EQ(got.scalar_type(), torch::kDouble);
  for (std::int64_t i = 0; i < 5; ++i)
    for (std::int64_t j = 0; j < 4; ++j) {
      const torch::Tensor left = a[i] != 0, right = b[j] != 0;
      const auto inner = (left & right).sum().item<double>();
      const auto outer =
          j % 2 == 1 ? left.sum().item<double>() : (left | right).sum().item<double>();
      EXPECT_EQ(got[i][j].item<double>(), inner / outer) << i << " " << j;
    }
  EXPECT_TRUE(torch::equal(mask_iou(a, b).select(1, 0), got.select(1, 0)));
}

TEST(MaskIou, EmptyMasksAndNoMasksGiveZerosAndNothing) {
  const torch::Tensor empty = torch::zeros({2, 8, 8}, torch::kByte);
  EXPECT_TRUE(torch::equal(mask_iou(empty, empty), torch::zeros({2, 2}, torch::kDouble)));
  EXPECT_EQ(mask_iou(empty, empty.slice(0, 0, 0)).sizes(), (std::vector<std::int64_t>{2, 0}));
  EXPECT_EQ(mask_iou(empty.slice(0, 0, 0), empty).sizes(), (std::vector<std::int64_t>{0, 2}));
  EXPECT_THROW(mask_iou(empty, torch::zeros({2, 8, 9}, torch::kByte)), std::invalid_argument);
  EXPECT_THROW(mask_iou(empty, torch::zeros({2, 8, 8})), std::invalid_argument);
  EXPECT_THROW(mask_iou(empty, empty, torch::zeros({3}, torch::kByte)), std::invalid_argument);
}

TEST(PasteMasks, EqualsTorchvision) {
  for (const auto& expected : golden::operator_numbers()["paste"]) {
    const std::int64_t size = expected["size"];
    torch::Tensor boxes = boxes_in(kBoxes, 6, 128, 96, expected["side"]);
    boxes[1].slice(0, 0, 2) -= 100;
    boxes[2].slice(0, 2, 4).copy_(boxes[2].slice(0, 0, 2));
    const torch::Tensor masks = uniform(golden::kMasks, {6, size, size}) * 0.5 + 0.5;
    const torch::Tensor pasted = paste_masks(masks, boxes, kImage);
    ASSERT_EQ(pasted.sizes(), (std::vector<std::int64_t>{6, 96, 128}));
    const torch::Tensor some =
        pasted.slice(0, 0, 3).slice(1, 0, std::nullopt, 5).slice(2, 0, std::nullopt, 7).flatten();
    golden::expect_close(some, tensor_of(expected["values"]), 2e-5, expected["side"].dump());
    golden::expect_products(pasted, expected["pasted"], 2e-2, expected["side"].dump());
  }
}

TEST(PasteMasks, AMaskOfOnesIsOneInsideItsBoxAndZeroOutside) {
  const torch::Tensor box = torch::tensor({20.0, 10.0, 76.0, 66.0}, torch::kFloat).view({1, 4});
  const torch::Tensor pasted = paste_masks(torch::ones({1, 28, 28}), box, kImage)[0];
  EXPECT_TRUE((pasted.slice(0, 12, 64).slice(1, 22, 74) == 1).all().item<bool>());
  EXPECT_EQ(pasted.slice(0, 0, 8).sum().item<double>(), 0);
  EXPECT_EQ(pasted.slice(0, 69, 96).sum().item<double>(), 0);
  EXPECT_EQ(pasted.slice(1, 0, 18).sum().item<double>(), 0);
  EXPECT_EQ(pasted.slice(1, 79, 128).sum().item<double>(), 0);
}

TEST(PasteMasks, BoxesOutsideOrNotFiniteGiveZerosAndHugeOnesAreCut) {
  const double infinite = std::numeric_limits<double>::infinity();
  const torch::Tensor boxes =
      torch::tensor({200.0,    200.0, 220.0,        230.0, -60.0, -60.0, -20.0, -20.0, 0.0,  0.0,
                     infinite, 5.0,   std::nan(""), 0.0,   5.0,   5.0,   -1e30, -1e30, 1e30, 1e30},
                    torch::kFloat)
          .view({5, 4});
  const torch::Tensor pasted = paste_masks(torch::ones({5, 28, 28}), boxes, kImage);
  EXPECT_EQ(pasted.slice(0, 0, 4).sum().item<double>(), 0);
  EXPECT_TRUE(pasted[4].isfinite().all().item<bool>());
  EXPECT_EQ(paste_masks(torch::ones({0, 28, 28}), torch::ones({0, 4}), kImage).sizes(),
            (std::vector<std::int64_t>{0, 96, 128}));
  EXPECT_THROW(paste_masks(torch::ones({1, 28, 27}), torch::ones({1, 4}), kImage),
               std::invalid_argument);
  EXPECT_THROW(paste_masks(torch::ones({1, 28, 28}), torch::ones({2, 4}), kImage),
               std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::models
