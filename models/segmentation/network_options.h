#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/attention/attention.h"
#include "models/layers/batch_norm.h"
#include "models/layers/drop_block.h"
#include "models/layers/recomputed.h"

namespace medsweep::models {

/// How a decoder's features become twice as large.
enum class Upsampling { kNearest, kTransposed };

/// "nearest", "transposed". Throws std::invalid_argument for another name.
Upsampling upsampling_of(std::string_view name);

/// What of an H-DenseUNet is trained.
enum class HybridStage {
  kAll,
  kPlanar,   ///< the 2-D part alone, which gives the logits
  kSpatial,  ///< the rest; the 2-D part stays as it is
};

/// "all", "2d", "3d". Throws std::invalid_argument for another name.
HybridStage hybrid_stage_of(std::string_view name);

struct NetworkOptions {
  std::int64_t in_channels = 3;
  std::int64_t out_channels = 1;        ///< logits per pixel
  std::int64_t width = 64;              ///< channels of the first level; doubled at each
  std::int64_t depth = 5;               ///< levels: depth - 1 poolings
  std::string normalization = "batch";  ///< a row of normalization_rows()
  BatchStatistics batch_statistics = BatchStatistics::kSynchronized;
  PlacedAttention attention{};                  ///< at each of attention_places; see AttentionSlots
  std::vector<std::string> attention_places{};  ///< none given: "all", of gates "skip"
  std::int64_t patch_slices = 0;                ///< in three dimensions D of the input; 0: any
  DropBlockOptions drop_block{};                ///< sa_unet
  std::string file{};                           ///< torchscript
  std::int64_t size_multiple = 16;              ///< torchscript
  std::string backbone{};              ///< a row of backbone_rows(); empty: the network's own
  double auxiliary = 0.5;              ///< weight of the auxiliary head's losses; 0: no such head
  std::optional<double> dropout{};     ///< before the logits; none: the network's own
  std::vector<std::int64_t> widths{};  ///< unet3d: channels by level; none given: 16, 32, 64, 128
  std::string layer_order{};  ///< unet3d, vnet: see OrderedConvolution3d; none given: "cpi"
  Upsampling upsampling = Upsampling::kNearest;  ///< unet3d
  /// vnet_original: convolutions of its stages; none given: 2, 3, 3, 3 and 3, 3, 2, 1.
  std::vector<std::int64_t> down_convolutions{}, up_convolutions{};
  Activations activations = Activations::kKept;  ///< unet, unet3d, vnet and their originals
  HybridStage hybrid_stage = HybridStage::kAll;  ///< h_denseunet
  std::vector<double> auxiliary_weights{};       ///< voxresnet: of its depths; none given: 1/3 each
};

}  // namespace medsweep::models
