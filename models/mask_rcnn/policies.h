#pragma once

#include <string_view>

namespace medsweep::models {

/// Which heads stand on the pyramid.
enum class RcnnVersion {
  kV1,  ///< "v1": one convolution in the region proposals, two linear layers, no normalisation
  kV2,  ///< "v2": two, four convolutions and a linear layer; batch normalisation everywhere
        ///< (Li et al.: Benchmarking Detection Transfer Learning, arXiv 2111.11429)
};

/// What is predicted.
enum class RcnnOutputs {
  kMasks,  ///< "masks": boxes, classes and masks
  kBoxes,  ///< "boxes": no mask head
};

/// How images are brought to size before the backbone.
enum class RcnnResize {
  kNone,         ///< "none": as they are
  kShortSide,    ///< "short_side": short side = min_size unless the long one passes max_size
  kEnlargeOnly,  ///< "enlarge_only": likewise, but only max_size makes an image smaller
};

/// What stands in front of the backbone.
enum class GrayInput {
  kPlain,     ///< nothing
  kEnhanced,  ///< a GrayEnhancement
};

/// Over what the highest proposals before suppression are taken.
enum class ProposalLimit {
  kPerLevel,  ///< "per_level": each level's best, suppression within a level
  kPerImage,  ///< "per_image": the best of all levels, suppressed together
};

/// The score of an anchor.
enum class ObjectnessScore {
  kSigmoid,  ///< "sigmoid": one logit
  kSoftmax,  ///< "softmax": two, background and object
};

enum class AnchorCorners {
  kRounded,  ///< "rounded": to whole pixels, half to even
  kExact,    ///< "exact"
};

/// How many negatives are sampled.
enum class NegativeCount {
  kFillUp,           ///< "fill_up": all that are missing to the batch size
  kTiedToPositives,  ///< "tied": as many as keep the share of positives
};

enum class GroundTruthProposals {
  kAppended,  ///< "appended": true boxes are regions too, while training
  kLeftOut,   ///< "left_out"
};

/// What the box losses are divided by.
enum class BoxLossMean {
  kOverSampled,    ///< "sampled": the sampled anchors or regions
  kOverPositives,  ///< "positives": 4 x the positive ones
};

/// Level of the pyramid: 4 + log2(side / 224), made whole.
enum class LevelRule {
  kFloor,  ///< "floor": down, after adding 1e-6
  kRound,  ///< "round": to the nearest, half to even
};

enum class RegionPooling {
  kRoiAlign,       ///< "roi_align"
  kCropAndResize,  ///< "crop_and_resize": one sample a bin, the outer ones on the box's edges
};

enum class MaskTarget {
  kSoft,     ///< "soft": the covered share of a bin
  kRounded,  ///< "rounded": to 0 or 1
};

/// Which classes of a region become candidates.
enum class ClassChoice {
  kEvery,         ///< "every": each class above the threshold by itself
  kMostProbable,  ///< "most_probable": one, unless it is the background
};

/// What several tasks' networks exchange, level by level of their pyramids.
enum class FeatureShare {
  kNone,         ///< "none"
  kMean,         ///< "mean": both go on with (A + B) / 2
  kConcat,       ///< "concat": both with a convolution of A and B, one for both
  kTopToBottom,  ///< "top_to_bottom": the second with (A + B) / 2, the first with its own
};

/// The policy called `name` as quoted above. Throws std::invalid_argument that lists what is
/// allowed.
template <typename Policy>
Policy policy_of(std::string_view name);

}  // namespace medsweep::models
