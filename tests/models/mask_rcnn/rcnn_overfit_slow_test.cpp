#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "models/operators/boxes.h"
#include "tests/models/mask_rcnn/rcnn_batch.h"

namespace medsweep::models {
namespace {

/// The highest IoU of each true mask with a detection of its class.
double worst_best_iou(const Predictions& predictions, const datasets::Batch& batch) {
  double worst = 1;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const auto& found = predictions[i].detections.at(datasets::kSegmentation);
    const auto& wanted = batch.targets[i].at(datasets::kSegmentation).instances;
    for (std::int64_t k = 0; k < wanted.boxes.size(0); ++k) {
      const torch::Tensor same = torch::nonzero(found.labels == wanted.labels[k]).squeeze(1);
      if (same.size(0) == 0) return 0;
      const torch::Tensor iou =
          mask_iou(wanted.masks.narrow(0, k, 1), found.masks.index_select(0, same));
      worst = std::min(worst, iou.max().item<double>());
    }
  }
  return worst;
}

TEST(RcnnOverfitTest, OneBatchIsLearntByHeart) {
  auto options = small_options();
  options.backbone_options.normalization = "frozen_batch";
  options.pyramid_channels = 64;
  options.roi.representation = 128;
  const auto model = std::make_shared<MaskRcnn>(options);
  const auto batch = two_images();
  torch::optim::Adam optimizer(model->parameters(), torch::optim::AdamOptions(1e-3));
  double first = 0, last = 0;
  for (int step = 0; step < 150; ++step) {
    optimizer.zero_grad();
    const torch::Tensor loss = mean_of(model->loss(batch));
    loss.backward();
    torch::nn::utils::clip_grad_norm_(model->parameters(), 5.0);
    optimizer.step();
    last = loss.item<double>();
    if (step == 0) first = last;
  }
  EXPECT_LT(last, 0.3 * first);
  model->eval();
  EXPECT_GT(worst_best_iou(model->predict(batch), batch), 0.7);
}

}  // namespace
}  // namespace medsweep::models
