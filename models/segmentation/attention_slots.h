#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/attention/attention_gate.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// The places of a network of levels (0 the full size, the last one the bottleneck) where attention
/// may stand:
///   encoderL    after the encoder's level L, before pooling and the skip
///   bottleneck  after the deepest level
///   skipL       on what the encoder's level L hands to the decoder; gates only here
///   decoderL    after the decoder's level L
/// "encoder", "skip" and "decoder" mean all levels, "all" every encoder, bottleneck and decoder; of
/// blocks, the places whose second convolution they replace. No place named: "all", of gates
/// "skip", of inputs "input", which is in front of the network.
///
/// Keys: encoder0.* ... below this module's own. Where nothing stands, features pass as they are.
class AttentionSlotsImpl : public torch::nn::Module {
 public:
  /// dimensions: of the network. Throws std::invalid_argument for an unknown attention or one that
  /// has no place in it.
  explicit AttentionSlotsImpl(const NetworkOptions& options, std::int64_t dimensions = 2);

  /// Makes the modules of a network of that shape. Throws std::invalid_argument for a place that it
  /// does not have.
  void add_levels(const NetworkShape& shape);

  /// Whether a block of its own stands in the network's place: "encoder0", "bottleneck" ...
  bool replaces(const std::string& place) const;

  /// [N, C, H, W] or [N, C, D, H, W] -> the same, at a level.
  torch::Tensor after_encoder(std::int64_t level, const torch::Tensor& features);
  torch::Tensor after_decoder(std::int64_t level, const torch::Tensor& features);

  /// gating: the decoder's features of the level below, before they are enlarged; read by gates.
  torch::Tensor on_skip(std::int64_t level, const torch::Tensor& features,
                        const torch::Tensor& gating = {});

  /// The same at a place by its name.
  torch::Tensor at(const std::string& place, const torch::Tensor& features);

 private:
  PlacedAttention placed_;
  std::int64_t dimensions_, patch_slices_;
  AttentionRole role_;
  std::vector<std::string> wanted_;                            ///< places as the study names them
  std::int64_t bottleneck_ = 0;                                ///< its level
  std::map<std::string, std::shared_ptr<Attention>> modules_;  ///< place -> its own
  std::map<std::string, AttentionGate> gates_;                 ///< likewise
};
TORCH_MODULE(AttentionSlots);

/// Throws std::invalid_argument for an attention that such a network would refuse: its name, places
/// and options, and of those that are built for a depth the slices at the deepest level.
void check_attention_fits(const NetworkOptions& options, const NetworkShape& shape);

}  // namespace medsweep::models
