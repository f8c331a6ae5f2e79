#pragma once

#include <torch/nn.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/batch.h"

namespace medsweep::models {

/// A loss is a sum and a weight, not a mean: the trainer adds the weights over all ranks and
/// divides, so that one, two and four ranks and a ragged last batch mean the same.
struct Loss {
  torch::Tensor sum;  ///< scalar float32, attached to the graph, already times `factor`
  double weight = 0;  ///< what the sum is divided by, e.g. the number of counted pixels
};

/// name -> loss, e.g. "cross_entropy". The objective is the sum of sum / total weight.
/// Every loss reaches every trainable parameter, even when it is empty (times 0).
using Losses = std::map<std::string, Loss>;

/// name -> weight, as in Losses.
using LossWeights = std::map<std::string, double>;

/// Objects that a network found in an image, the most probable first.
struct Detections {
  torch::Tensor boxes{};   ///< [n, 4] float32: x1, y1, x2, y2 in pixels of the image
  torch::Tensor scores{};  ///< [n] float32
  torch::Tensor labels{};  ///< [n] int64: 1...K
  torch::Tensor masks{};   ///< [n, H, W] uint8, 0 or 1; undefined for networks without masks
};

/// What a network says of a sample, at the image's own size.
struct Prediction {
  torch::Tensor probabilities{};  ///< [K, (D,) H, W] float32, K = the foreground classes; undefined
                                  ///< for networks that find objects
  torch::Tensor labels{};         ///< [(D,) H, W] uint8: 0 background, 1...K; likewise
  torch::Tensor activations{};    ///< [K, H, W] float32, 0...1: Model::activations; else undefined
  torch::Tensor class_maps{};     ///< [K, (D,) H, W] uint8, 0 or 1, where classes overlap; of them
                                  ///< `labels` show the last at each pixel
  std::map<std::string, Detections> detections{};  ///< task -> objects; empty for other networks
};
using Predictions = std::vector<Prediction>;  ///< one per sample

/// A trainable thing: tensors to losses, tensors to predictions. Knows nothing of ranks, files or
/// studies. Losses and probabilities are float32 whatever the precision of the network.
class Model : public torch::nn::Module {
 public:
  virtual Losses loss(const datasets::Batch& batch) = 0;
  /// The weights that loss() will return, where they follow from the targets alone. Empty where
  /// they are known only after the forward pass (sampled anchors and regions): then a step of
  /// several pieces (micro-batches, logical shards) computes each piece's forward twice, so loss()
  /// of the same batch must say the same twice, but for what StatisticsGuard puts back.
  virtual std::optional<LossWeights> loss_weights(const datasets::Batch& batch) const = 0;
  /// Without gradient; expects eval() mode. Samples of one batch share no information.
  virtual Predictions predict(const datasets::Batch& batch) = 0;
  /// What it looks at to tell that a class is there, of each sample [K, H, W] float32, 0...1; empty
  /// for a network that does not say. As predict().
  virtual std::vector<torch::Tensor> activations(const datasets::Batch& /*batch*/) { return {}; }
  /// The labels of probabilities that were averaged or resized after predict():
  /// [K, (D,) H, W] float32 -> [(D,) H, W] uint8.
  virtual torch::Tensor label_map(const torch::Tensor& probabilities) const = 0;
  /// Whether a pixel may be of several classes.
  virtual bool classes_overlap() const { return false; }
  /// The mean Dice of classes 1...K over the validation's cases, NaN where it is undefined, told
  /// after each evaluation to every rank alike. Losses that weigh classes by it keep what follows
  /// in buffers.
  virtual void observe_dice(const std::vector<double>& /*dice*/) {}
  /// Input height and width, and depth of volumes, must be a multiple of this.
  virtual std::int64_t size_multiple() const = 0;
  /// No side may be smaller.
  virtual std::int64_t smallest_side() const { return size_multiple(); }
};

}  // namespace medsweep::models
