#include "tests/models/mask_rcnn/golden_rcnn.h"

namespace medsweep::models::golden {
namespace {

class EverySmallRcnn : public testing::TestWithParam<const char*> {};

TEST_P(EverySmallRcnn, LossesAndEveryGradientEqualTorchvision) {
  expect_losses_and_gradients(GetParam(), MemoryLayout::kContiguous);
}

TEST_P(EverySmallRcnn, DetectionsEqualTorchvision) {
  expect_detections(GetParam(), MemoryLayout::kChannelsLast);
}

INSTANTIATE_TEST_SUITE_P(ResNet18, EverySmallRcnn, testing::Values("resnet18_batch"));

}  // namespace
}  // namespace medsweep::models::golden
