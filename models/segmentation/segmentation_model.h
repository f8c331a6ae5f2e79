#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/losses/losses.h"
#include "models/model.h"
#include "models/precision.h"
#include "models/segmentation/networks.h"

namespace medsweep::models {

/// What the threshold of a sigmoid's label map is compared with.
enum class ThresholdOn {
  kProbability,
  kLogit,  ///< a logit of 0.5 is a probability of 0.622
};

/// "probability", "logit". Throws std::invalid_argument for another name.
ThresholdOn threshold_on_of(std::string_view name);

struct SegmentationModelOptions {
  std::string network = "unet";    ///< a row of network_rows()
  NetworkOptions network_options;  ///< its out_channels are set by `classes` and `activation`
  std::int64_t classes = 1;        ///< K foreground classes
  Activation activation = Activation::kSigmoid;
  std::vector<LossOptions> losses{LossOptions{}};
  Precision precision = Precision::kFp32;
  MemoryLayout layout = MemoryLayout::kChannelsLast;
  double threshold = 0.5;  ///< of the sigmoid's label map
  ThresholdOn threshold_on = ThresholdOn::kProbability;
  std::string init = "default";  ///< a row of init_rows()
  std::uint64_t seed = 0;        ///< of the initial parameters
};

/// A segmentation network with its losses, for one task: the label map
/// targets[i].at(datasets::kSegmentation).
///
/// The network runs in `precision`; logits are converted to float32 before the losses. An empty
/// batch gives losses that are 0 times the logits and reach every parameter.
/// Softmax: label = the most probable of background and K classes. Sigmoid: the most probable class
/// where it is above the threshold, else background.
/// Keys are the network's own (no prefix), so that state dictionaries exchange with other code.
///
/// Throws std::invalid_argument for options that its parts refuse, two losses of one name, a label
/// above K (the sample is named), or a batch without the task's label map.
class SegmentationModel : public Model {
 public:
  explicit SegmentationModel(const SegmentationModelOptions& options);
  Losses loss(const datasets::Batch& batch) override;
  std::optional<LossWeights> loss_weights(const datasets::Batch& batch) const override;
  Predictions predict(const datasets::Batch& batch) override;
  torch::Tensor label_map(const torch::Tensor& probabilities) const override;
  std::int64_t size_multiple() const override { return network_->size_multiple(); }

 private:
  torch::Tensor logits(const torch::Tensor& images);               // [N, C, H, W] float32
  torch::Tensor labels_of(const datasets::Batch& batch) const;     // [N, H, W] int64
  torch::Tensor probabilities(const torch::Tensor& logits) const;  // [N, K, H, W]

  SegmentationModelOptions options_;
  double probability_threshold_;
  std::shared_ptr<SegmentationNetwork> network_;
  std::vector<std::unique_ptr<SegmentationLoss>> losses_;
};

}  // namespace medsweep::models
