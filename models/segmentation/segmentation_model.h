#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/attention/class_activation.h"
#include "models/losses/losses.h"
#include "models/model.h"
#include "models/precision.h"
#include "models/segmentation/segmentation_network.h"

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
  /// Of each class the labels that it is the union of, where classes overlap; see LossTask.
  std::vector<std::vector<std::int64_t>> regions{};
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
/// Deep supervision: the logits of auxiliary heads are enlarged linearly to the labels' size, and
/// each head has every loss once more, under its name, "aux_dice", times its weight
/// (Lee et al.: Deeply-Supervised Nets, AISTATS 2015, arXiv 1409.5185).
///
/// With attention "cam" the presence of each class in an image is told, too, with the loss "cam"
/// (binary cross-entropy, times its weight); keys cam.*.
///
/// Of a network that is trained in segments, labels in its margin() count nothing.
///
/// The network runs in `precision`; logits are converted to float32 before the losses. An empty
/// batch gives losses that are 0 times the logits and reach every parameter.
/// Softmax: label = the most probable of background and K classes. Sigmoid: the most probable class
/// where it is above the threshold, else background; where classes overlap, the last class above
/// the threshold, as if each were painted over those before it.
/// A loss with parameters of its own has them under losses.NAME; prediction does not need them.
/// Keys are the network's own (no prefix), so that state dictionaries exchange with other code.
///
/// Throws std::invalid_argument for options that its parts refuse, two losses of one name, a label
/// above K (the sample is named), or a batch without the task's label map.
class SegmentationModel : public Model {
 public:
  explicit SegmentationModel(const SegmentationModelOptions& options);
  /// The same of a network that is made already, as `options` say; it is initialized here.
  SegmentationModel(const SegmentationModelOptions& options,
                    std::shared_ptr<SegmentationNetwork> network);
  /// Of the network itself, too, which is no module within this one.
  void train(bool on = true) override;
  Losses loss(const datasets::Batch& batch) override;
  std::optional<LossWeights> loss_weights(const datasets::Batch& batch) const override;
  Predictions predict(const datasets::Batch& batch) override;
  std::vector<torch::Tensor> activations(const datasets::Batch& batch) override;
  void observe_dice(const std::vector<double>& dice) override;
  torch::Tensor label_map(const torch::Tensor& probabilities) const override;
  bool classes_overlap() const override { return !options_.regions.empty(); }
  std::int64_t size_multiple() const override { return network_->size_multiple(); }
  std::int64_t smallest_side() const override { return network_->smallest_side(); }
  const SegmentationModelOptions& options() const { return options_; }
  /// Images are brought into this layout from now on; the kernels stay in theirs.
  void expect_layout(MemoryLayout layout) { options_.layout = layout; }

 private:
  LossTask loss_task() const;
  torch::Tensor logits(const torch::Tensor& images);             // [N, C, (D,) H, W] float32
  NetworkOutputs training_outputs(const torch::Tensor& images);  // float32, at the images' size
  torch::Tensor labels_of(const datasets::Batch& batch) const;   // [N, (D,) H, W] int64
  LossWeights weights_of(const torch::Tensor& labels) const;
  void register_losses(std::uint64_t first_parameter);
  /// Whether each class is there: [N, K] float32.
  torch::Tensor presence(const torch::Tensor& labels) const;
  Loss activation_loss(const NetworkOutputs& outputs, const torch::Tensor& labels);
  /// Of a batch of no samples: 0 times all outputs.
  Losses empty_losses(const NetworkOutputs& outputs, const torch::Tensor& labels) const;
  torch::Tensor probabilities(const torch::Tensor& logits) const;  // [N, K, (D,) H, W]

  SegmentationModelOptions options_;
  double probability_threshold_;
  std::shared_ptr<SegmentationNetwork> network_;
  std::vector<std::unique_ptr<SegmentationLoss>> losses_;
  std::vector<AuxiliaryHead> heads_;  ///< of the network
  ClassActivation cam_{nullptr};      ///< of attention "cam"
};

}  // namespace medsweep::models
