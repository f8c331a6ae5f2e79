#pragma once

#include <torch/nn.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "models/layers/batch_norm.h"

namespace medsweep::models {

/// How `scse` joins its two gates.
enum class GateJoin {
  kMax,  ///< the larger of the two gated maps (default; as the authors' code)
  kAdd,  ///< their sum (as the paper)
};

struct AttentionOptions {
  std::int64_t channels = 0;  ///< of input and output
  std::int64_t heads = 1;     ///< relative_self_attention: the channels are split among them
  std::int64_t clip_distance =
      16;                          ///< relative_self_attention: pixels beyond which offsets are one
  std::int64_t reduction = 16;     ///< se, scse, cbam: channels / reduction (at least 1) within
  std::int64_t kernel_size = 7;    ///< spatial, cbam: odd
  GateJoin join = GateJoin::kMax;  ///< scse
  BatchStatistics batch_statistics = BatchStatistics::kSynchronized;  ///< cbam
};

/// Weighs a map of features by what it says itself: [N, C, H, W] -> the same shape and type, any H
/// and W, N may be 0.
class Attention : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(const torch::Tensor& features) = 0;
};

/// Throws std::invalid_argument unless `features` is [N, channels, H, W] with H, W of at least 1.
void check_features(std::string_view where, const torch::Tensor& features, std::int64_t channels);

/// Throws std::invalid_argument for an unknown name (with the nearest known one) or bad options.
std::shared_ptr<Attention> make_attention(std::string_view name, const AttentionOptions& options);

/// The names that make_attention knows.
std::vector<Row> attention_rows();

/// An attention that a network puts somewhere, with the channels that the network has there.
struct PlacedAttention {
  std::string name = "none";   ///< a row of attention_rows()
  AttentionOptions options{};  ///< `channels` is filled in
  std::shared_ptr<Attention> make(std::int64_t channels) const;
};

}  // namespace medsweep::models
