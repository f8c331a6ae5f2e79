#pragma once

#include <torch/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "models/model.h"

namespace medsweep::models {

/// How logits become probabilities of K foreground classes.
enum class Activation {
  kSoftmax,  ///< K + 1 channels, channel 0 the background: exactly one class a pixel
  kSigmoid,  ///< K channels, each class by itself
};

/// "softmax", "sigmoid". Throws std::invalid_argument for another name.
Activation activation_of(std::string_view name);

/// Over what a Dice is taken before it is averaged.
enum class DiceOver {
  kSample,  ///< each sample by itself: additive over ranks and micro-batches
  kBatch,   ///< the pixels of one forward together: its value depends on how samples are spread
};

/// "sample", "batch". Throws std::invalid_argument for another name.
DiceOver dice_over_of(std::string_view name);

/// One loss of a study's weighted list.
struct LossOptions {
  std::string name = "bce";           ///< a row of loss_rows()
  double factor = 1;                  ///< its weight in the objective
  DiceOver over = DiceOver::kSample;  ///< dice, dice_ce
  double alpha = 0.5, beta = 0.5;     ///< tversky, focal_tversky: of invented and of missed pixels
  double gamma = 1;                   ///< focal: exponent; focal_tversky: 1 / exponent
};

/// Compares logits with a label map. Arithmetic is float32. Pixels labelled datasets::kIgnored
/// count in nothing. Labels: 0 background, 1...K.
class SegmentationLoss {
 public:
  virtual ~SegmentationLoss() = default;
  /// logits: [N, C, H, W] float32, any memory format, C as the Activation says; labels:
  /// [N, H, W] int64. N may be 0. Sums are attached to the graph of `logits`.
  virtual Losses operator()(const torch::Tensor& logits, const torch::Tensor& labels) const = 0;
  /// The weights that operator() will return.
  virtual LossWeights weights(const torch::Tensor& labels) const = 0;
};

/// Makes the loss for K = `classes` foreground classes. Throws std::invalid_argument for an unknown
/// name, fewer than one class, a factor that is not positive, or an activation that the loss does
/// not take (bce: sigmoid; cross_entropy: softmax; all others both), or options that it refuses.
std::unique_ptr<SegmentationLoss> make_loss(const LossOptions& options, std::int64_t classes,
                                            Activation activation);

/// The losses that make_loss knows.
std::vector<Row> loss_rows();

}  // namespace medsweep::models
