#pragma once

#include <torch/nn.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "models/attention/attention.h"
#include "models/layers/batch_norm.h"
#include "models/layers/drop_block.h"

namespace medsweep::models {

struct NetworkOptions {
  std::int64_t in_channels = 3;
  std::int64_t out_channels = 1;        ///< logits per pixel
  std::int64_t width = 64;              ///< channels of the first level; doubled at each
  std::int64_t depth = 5;               ///< levels: depth - 1 poolings
  std::string normalization = "batch";  ///< a row of normalization_rows()
  BatchStatistics batch_statistics = BatchStatistics::kSynchronized;
  PlacedAttention attention{};                  ///< at each of attention_places; see AttentionSlots
  std::vector<std::string> attention_places{};  ///< none given: "all"
  DropBlockOptions drop_block{};                ///< sa_unet
};

/// Channels of a network's levels: width, 2 width, 4 width ... `count` of them.
std::vector<std::int64_t> doubled_widths(std::int64_t width, std::int64_t count);

/// Images to a logit per pixel and channel: [N, in, H, W] -> [N, out, H, W].
class SegmentationNetwork : public torch::nn::Module {
 public:
  /// Throws std::invalid_argument when H or W is no multiple of size_multiple().
  virtual torch::Tensor forward(const torch::Tensor& images) = 0;
  virtual std::int64_t size_multiple() const = 0;
};

/// Throws std::invalid_argument for an unknown name (with the nearest known one) or bad options.
std::shared_ptr<SegmentationNetwork> make_network(std::string_view name,
                                                  const NetworkOptions& options);

/// The networks, as rows of the kind "model".
std::vector<Row> network_rows();

/// Throws std::invalid_argument "[where] 3x250x250 ...; multiples of 16 are allowed" unless
/// `images` is [N, channels, H, W] with H and W multiples of `multiple`.
void check_images(std::string_view where, const torch::Tensor& images, std::int64_t channels,
                  std::int64_t multiple);

}  // namespace medsweep::models
