#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runner/safetensors.h"
#include "runner/weights/torchvision_keys.h"

namespace medsweep::runner {

enum class Strictness {
  kWhole,    ///< all of what the file is about must be there, and no more
  kPartial,  ///< tensors without a partner are noted and left as they are
};

/// How weights of a file get into a network.
struct TransferOptions {
  std::string where = "weights";  ///< stands in error texts and lines: the file
  /// What is not taken from the file: a tensor's whole name, a module's ("roi_heads.mask_head"), or
  /// a pattern with `*` for any text.
  std::vector<std::string> exclude{};
  Strictness strictness = Strictness::kWhole;
  StemFold stem = StemFold::kSum;  ///< for a file for RGB and a network for grey images
  /// Names as in `exclude` of layers that depend on the number of classes: with another number in
  /// the file (their first axis differs) they keep their values, with a note.
  std::vector<std::string> heads{"roi_heads.box_predictor",
                                 "roi_heads.mask_predictor.mask_fcn_logits",
                                 "head",
                                 "classifier.4",
                                 "aux_classifier.4",
                                 "segmentation_head.0",
                                 "score_*"};
  std::string body = "backbone.body.";  ///< where a network has the layers of a classifier
};

/// What load_into did.
struct TransferReport {
  std::vector<std::string> lines{};     ///< for people, a sentence each
  std::vector<std::string> loaded{};    ///< the network's tensors that have the file's values
  std::vector<std::string> left_out{};  ///< those of other class counts and by `exclude`
  std::vector<std::string> missing{};   ///< those that the file does not have
  std::vector<std::string> foreign{};   ///< the file's that the network does not have
};

/// Copies a file's values (read_weights) into a network, by the names that fit_names gives them.
/// Floating-point types are converted into each other, integers likewise; memory formats stay. A
/// counter num_batches_tracked that the file lacks stays.
///
/// Throws std::invalid_argument "[where] ..." that names the tensors, and both shapes, where shapes
/// or kinds of numbers differ; where `strictness` wants more or fewer tensors; where nothing fits;
/// and for an `exclude` that fits no tensor. The network is as before then.
TransferReport load_into(torch::nn::Module& network, const Tensors& weights,
                         const TransferOptions& options = {});

}  // namespace medsweep::runner
