#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/segmentation/networks.h"

namespace medsweep::models {

/// The places of a network of levels (0 the full size, the last one the bottleneck) where attention
/// may stand:
///   encoderL    after the encoder's level L, before pooling and the skip
///   bottleneck  after the deepest level
///   skipL       on what the encoder's level L hands to the decoder
///   decoderL    after the decoder's level L
/// "encoder", "skip" and "decoder" mean all levels, "all" every encoder, bottleneck and decoder.
///
/// Keys: encoder0.* ... below this module's own. Where nothing stands, features pass as they are.
class AttentionSlotsImpl : public torch::nn::Module {
 public:
  /// Throws std::invalid_argument for an unknown attention.
  explicit AttentionSlotsImpl(const NetworkOptions& options);

  /// Makes the modules of a network whose encoder has `encoder[L]` channels at level L, the
  /// bottleneck last, and whose decoder has `decoder[L]`, a level fewer.
  /// Throws std::invalid_argument for a place that it does not have.
  void add_levels(const std::vector<std::int64_t>& encoder,
                  const std::vector<std::int64_t>& decoder);

  /// [N, C, H, W] -> the same, at a level.
  torch::Tensor after_encoder(std::int64_t level, const torch::Tensor& features);
  torch::Tensor on_skip(std::int64_t level, const torch::Tensor& features);
  torch::Tensor after_decoder(std::int64_t level, const torch::Tensor& features);

 private:
  void add(const std::string& place, std::int64_t channels);
  torch::Tensor at(const std::string& place, const torch::Tensor& features);

  PlacedAttention placed_;
  std::vector<std::string> wanted_;                            ///< places as the study names them
  std::int64_t bottleneck_ = 0;                                ///< its level
  std::map<std::string, std::shared_ptr<Attention>> modules_;  ///< place -> its own
};
TORCH_MODULE(AttentionSlots);

/// Throws std::invalid_argument for a place that a network of `depth` levels does not have.
void check_attention_places(const std::vector<std::string>& places, std::int64_t depth);

}  // namespace medsweep::models
