#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "datasets/batch.h"
#include "models/backbones/backbones.h"
#include "models/mask_rcnn/stage_options.h"
#include "models/precision.h"

namespace medsweep::models {

/// One kind of objects with a network of its own: targets[i].at(name).instances.
struct RcnnTask {
  std::string name = datasets::kSegmentation;
  std::int64_t classes = 1;  ///< without the background
};

struct MaskRcnnOptions {
  RcnnVersion version = RcnnVersion::kV1;
  RcnnOutputs outputs = RcnnOutputs::kMasks;
  std::string backbone = "resnet50";  ///< a row of backbone_rows()
  BackboneOptions backbone_options;   ///< with attention at "c3", "c4", "c5"
  std::int64_t pyramid_channels = 256;
  GrayInput gray = GrayInput::kPlain;
  /// Further places of attention: "mask_head" (at its end), "box_head" (on the pooled regions),
  /// "fpn" (on each level of the pyramid).
  std::map<std::string, PlacedAttention> attention;
  std::vector<RcnnTask> tasks{RcnnTask{}};
  FeatureShare share = FeatureShare::kNone;  ///< none keeps several tasks' networks apart
  RcnnImageOptions image;
  RpnOptions rpn;
  RoiOptions roi;
  DetectionOptions detection;
  /// Another loss, loss_l2: this times the sum over trained tensors (not of normalisations) of
  /// their mean square. 0: none.
  double mean_square_decay = 0;
  Precision precision = Precision::kFp32;  ///< of convolutions and linear layers
  MemoryLayout layout = MemoryLayout::kChannelsLast;
  std::uint64_t seed = 0;  ///< of the initial parameters
};

/// `options` with the hyper-parameters of matterport's Mask R-CNN (2017, Keras). Its box order,
/// resnet and heads' normalisation are not copied: its weights do not fit.
MaskRcnnOptions matterport_profile(MaskRcnnOptions options = {});

/// Throws std::invalid_argument for counts, shares or thresholds outside their range, no or twice
/// the same task, an exchange with fewer than two tasks, an unknown place of attention, or
/// anchor sizes that are not one for each of the five levels.
void check_options(const MaskRcnnOptions& options);

}  // namespace medsweep::models
