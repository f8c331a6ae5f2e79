#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runner/safetensors.h"

namespace medsweep::runner {

using TensorNames = std::set<std::string, std::less<>>;

/// How the stem of a network for RGB becomes that of one for grey images.
enum class StemFold {
  kSum,   ///< exact: the answer to a grey image is that of the RGB stem to three copies of it
  kMean,  ///< a third of that
};

/// [O, 3, h, w] -> [O, 1, h, w]. Throws std::invalid_argument for another shape.
torch::Tensor fold_stem(const torch::Tensor& weight, StemFold fold);

/// The name that torchvision gives today to a tensor of its detection networks, which it once
/// called `name` (up to 0.12, and in the files that it published then):
///   rpn.head.conv.weight                   -> rpn.head.conv.0.0.weight
///   backbone.fpn.inner_blocks.2.bias       -> backbone.fpn.inner_blocks.2.0.bias   (and
///   layer_blocks) roi_heads.mask_head.mask_fcn3.weight   -> roi_heads.mask_head.2.0.weight
///   features.denseblock1.denselayer1.norm.1.weight ->
///   features.denseblock1.denselayer1.norm1.weight
/// Any other name stays.
std::string torchvision_key(std::string_view name);

/// Tensors of a file under a network's names.
struct FittedTensors {
  Tensors tensors{};
  /// What of the network the file is about: "backbone.body." for one of a backbone; else "".
  std::string scope{};
  std::vector<std::string> notes{};  ///< what was done, a sentence each
};

/// Gives a file's tensors the names that a network with the names `known` has for them:
///   - the prefixes "module." and "model." go, where all of the file have one and none of `known`;
///   - old names of torchvision become today's;
///   - the names of a classifier's file (conv1.weight ... layer4.2.bn3.bias, fc.weight) get `body`
///     in front where the network has them there, and its last layers (fc, classifier) go;
///   - num_batches_tracked goes where the network's normalisation does not count (frozen).
/// Names without a place in the network stay among the tensors.
/// Throws std::invalid_argument where two tensors would get one name.
FittedTensors fit_names(const Tensors& file, const TensorNames& known, std::string_view body);

}  // namespace medsweep::runner
