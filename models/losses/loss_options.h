#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

/// What is added below the fraction of a Dice.
enum class DicePower {
  kPlain,    ///< sum p + sum t
  kSquared,  ///< sum p^2 + sum t^2: the V-Net's
};

/// Whether a Dice over softmax takes the background as one more class.
enum class Background { kLeftOut, kIncluded };

/// How cbl weighs the classes.
enum class ClassWeighting {
  kFixed,         ///< by `class_weights` throughout
  kByValidation,  ///< by `class_weights`, and from the first evaluation on by its Dice
};

/// One loss of a study's weighted list.
struct LossOptions {
  std::string name = "bce";                      ///< a row of loss_rows()
  double factor = 1;                             ///< its weight in the objective
  DiceOver over = DiceOver::kSample;             ///< dice, dice_ce, cbl
  DicePower power = DicePower::kPlain;           ///< dice, dice_ce
  Background background = Background::kLeftOut;  ///< dice, dice_ce
  std::vector<double> class_weights{};           ///< cross_entropy, cbl: background, 1...K
  ClassWeighting weighting = ClassWeighting::kByValidation;  ///< cbl
  double alpha = 0.5, beta = 0.5;  ///< tversky, focal_tversky: of invented and of missed pixels
  double gamma = 1;                ///< focal: exponent; focal_tversky: 1 / exponent
  double temperature = 0.1;        ///< contrastive
  std::int64_t anchors = 64;       ///< contrastive: of each class of a sample, at most
  double hard = 0.5;               ///< contrastive: the share of them among wrong pixels
  std::int64_t dimension = 128;    ///< contrastive: of the projection
};

}  // namespace medsweep::models
