#pragma once

#include <torch/nn.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "models/attention/options.h"

namespace medsweep::models {

/// Weighs a map of features by what it says itself: [N, C, H, W] or [N, C, D, H, W] -> the same
/// shape and type, any size, N may be 0.
class Attention : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(const torch::Tensor& features) = 0;
};

/// Where in a network a row stands.
enum class AttentionRole {
  kModule,  ///< behind a layer: the same shape in and out
  kGate,    ///< a module on a skip, which also sees the decoder's coarser features
  kBlock,   ///< in place of a convolution block
  kInput,   ///< in front of the network
  kOutput,  ///< beside the prediction
};

/// What a row can do.
struct AttentionTraits {
  AttentionRole role;
  std::int64_t least_dimensions, most_dimensions;  ///< of the network
  std::string_view idle_parameter;  ///< its gradient is zero by construction; empty: there is none
};

/// "module" (a gate is one, too), "block", "input", "output".
std::string_view name_of(AttentionRole role);

/// Throws std::invalid_argument for an unknown name (with the nearest known one).
const AttentionTraits& attention_traits(std::string_view name);

/// Throws std::invalid_argument unless the row can stand in a network of `dimensions`.
void check_dimensions(std::string_view name, std::int64_t dimensions);

/// Throws std::invalid_argument unless the row can stand behind any layer of a network of
/// `dimensions`: gates, blocks, inputs and outputs cannot.
void check_stands_alone(std::string_view name, std::int64_t dimensions);

/// Throws std::invalid_argument for an unknown name, one that does not stand alone, or bad options.
std::shared_ptr<Attention> make_attention(std::string_view name, const AttentionOptions& options);

/// The names that attention_traits knows.
std::vector<Row> attention_rows();

/// The maps that a network has at a place.
struct PlacedMaps {
  std::int64_t channels;
  std::int64_t dimensions = 2;
  std::int64_t slices = 0;        ///< in three dimensions, where the network's input has ...
  std::int64_t patch_slices = 0;  ///< ... so many; 0: not known
};

/// An attention that a network puts somewhere.
struct PlacedAttention {
  std::string name = "none";   ///< a row of attention_rows()
  AttentionOptions options{};  ///< what `maps` tells is filled in
  std::shared_ptr<Attention> make(const PlacedMaps& maps) const;
  std::shared_ptr<Attention> make(std::int64_t channels) const;  ///< in two dimensions
};

}  // namespace medsweep::models
