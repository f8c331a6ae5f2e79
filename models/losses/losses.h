#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "models/losses/loss_options.h"
#include "models/model.h"

namespace medsweep::models {

/// What losses compare.
struct LossTask {
  std::int64_t classes = 1;  ///< K, without the background
  Activation activation = Activation::kSigmoid;
  std::int64_t feature_channels = 0;  ///< of LossInput::features; 0: there are none
  /// Of classes that may overlap, each the labels that it is the union of; empty: class k is label
  /// k. With sigmoid alone.
  std::vector<std::vector<std::int64_t>> regions{};

  /// Labels are 0...labels().
  std::int64_t labels() const;
};

/// What a loss is given. Images have two axes or three: "..." is H, W or D, H, W.
struct LossInput {
  torch::Tensor logits;      ///< [N, C, ...] float32, any memory format, C as the Activation says
  torch::Tensor labels;      ///< [N, ...] int64: 0 background, 1...K, datasets::kIgnored
  torch::Tensor features{};  ///< [N, F, ...] of the decoder, for losses with takes_features()
  std::vector<std::uint64_t> random_keys{};  ///< Batch::random_keys, for those that draw
};

/// Compares logits with a label map. Arithmetic is float32. Pixels labelled datasets::kIgnored
/// count in nothing.
class SegmentationLoss {
 public:
  virtual ~SegmentationLoss() = default;
  /// N may be 0. Sums are attached to the graph of the logits.
  virtual Losses operator()(const LossInput& input) const = 0;
  /// The weights that operator() will return.
  virtual LossWeights weights(const torch::Tensor& labels) const = 0;
  /// Its own parameters and buffers, which are trained and saved with the network's; null where it
  /// has none. operator() reaches every parameter.
  virtual std::shared_ptr<torch::nn::Module> module() const { return nullptr; }
  /// Whether it looks at the decoder's features, and so stands beside other losses alone.
  virtual bool takes_features() const { return false; }
  /// Model::observe_dice: the validation's mean Dice of classes 1...K, NaN where undefined.
  virtual void observe_dice(const std::vector<double>& /*dice*/) {}
};

/// Throws std::invalid_argument for an unknown name, fewer than one class, a factor that is not
/// positive, or an activation that the loss does not take (bce: sigmoid; cross_entropy, cbl:
/// softmax; all others both), or options that it refuses.
std::unique_ptr<SegmentationLoss> make_loss(const LossOptions& options, const LossTask& task);

/// The losses that make_loss knows.
std::vector<Row> loss_rows();

}  // namespace medsweep::models
