#include "tests/models/mask_rcnn/golden_rcnn.h"

namespace medsweep::models::golden {
namespace {

class EveryLargeRcnn : public testing::TestWithParam<const char*> {};

TEST_P(EveryLargeRcnn, LossesAndEveryGradientEqualTorchvision) {
  expect_losses_and_gradients(GetParam(), MemoryLayout::kContiguous);
}

TEST_P(EveryLargeRcnn, DetectionsEqualTorchvision) {
  expect_detections(GetParam(), MemoryLayout::kContiguous);
}

INSTANTIATE_TEST_SUITE_P(Torchvision, EveryLargeRcnn,
                         testing::Values("resnet18_frozen", "resnet18_v2", "resnet50_batch",
                                         "resnet50_frozen"));

}  // namespace
}  // namespace medsweep::models::golden
