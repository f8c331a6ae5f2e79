#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/catalog.h"

namespace medsweep::models {

/// The parts of a detector that are trained or frozen together.
enum class LayerGroup {
  kStem,     ///< the first convolution and its normalisation
  kResnet2,  ///< layer1, which ends in C2
  kResnet3,
  kResnet4,
  kResnet5,
  kPyramid,
  kRpn,
  kHeads,  ///< all else: heads, and what no published weights hold (attention wherever it stands
           ///< in the backbone, gray enhancement)
};

/// Of a parameter's or module's key: "backbone.body.layer1.0.conv1.weight" is kResnet2,
/// "backbone.fpn...." kPyramid, "rpn...." kRpn. The first part of the key that says it decides, so
/// that prefixes ("tasks.lv.backbone...") and a backbone by itself ("layer1.0...") work too.
LayerGroup layer_group_of(std::string_view key);

/// Numbers in parameters.
struct TrainableCounts {
  std::int64_t trainable = 0, frozen = 0;
};

/// Sets requires_grad of every parameter of `module`, on as well as off, whatever was set before:
///   all       everything
///   heads     pyramid, RPN and heads
///   resnet3+  these and layer2...layer4 of the backbone; resnet4+, resnet5+ accordingly
///   rpn       pyramid and RPN
/// A BatchNorm2d in a frozen group uses its running statistics and leaves them as they are, also
/// after train(), until a later call trains its group. Matterport's layer names (COCO schedule).
/// Throws std::invalid_argument for an unknown name, and where nothing would be trained.
TrainableCounts set_train_layers(torch::nn::Module& module, std::string_view name);

/// The names that set_train_layers knows.
std::vector<Row> train_layers_rows();

/// torchvision's `trainable_backbone_layers`: of the backbone the last `count` of stem, layer1,
/// ..., layer4 are trained, the others frozen as above; pyramid, RPN and heads are left as they
/// are. Throws std::invalid_argument outside 0...5.
TrainableCounts set_trainable_backbone_layers(torch::nn::Module& module, std::int64_t count);

/// As requires_grad stands now.
TrainableCounts trainable_counts(const torch::nn::Module& module);

}  // namespace medsweep::models
