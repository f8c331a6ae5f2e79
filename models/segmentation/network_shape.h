#pragma once

#include <cstdint>
#include <vector>

#include "models/segmentation/network_options.h"

namespace medsweep::models {

/// What is known of a network before it is made: channels of its features by level (0 the full
/// size, each further one half of it), as AttentionSlots takes them, and what it asks of images.
struct NetworkShape {
  std::int64_t size_multiple = 1;
  std::int64_t smallest_side = 1;       ///< of volumes: at the deepest level there is a voxel left
  std::int64_t largest_side = 1;        ///< of volumes, at least: there are two
  std::int64_t smallest_plane = 1;      ///< of volumes: height and width, at least
  std::int64_t least_samples = 1;       ///< that batch normalisation needs in training
  std::vector<std::int64_t> encoder{};  ///< the bottleneck last; 0: nothing may stand there
  std::vector<std::int64_t> skip{};     ///< a level fewer, likewise
  std::vector<std::int64_t> decoder{};
  std::int64_t decoder_start = 0;        ///< channels that gate the first skip; 0: none is gated
  std::int64_t dimensions = 2;           ///< of the images
  std::vector<std::int64_t> halvings{};  ///< of each level's sides; empty: the level's number
  enum class Blocks { kFixed, kReplaceable } blocks = Blocks::kFixed;  ///< see AttentionRole
};

/// Channels of a network's levels: width, 2 width, 4 width ... `count` of them.
std::vector<std::int64_t> doubled_widths(std::int64_t width, std::int64_t count);

/// Of a network that halves its maps depth - 1 times, with a decoder level for each.
NetworkShape halving_shape(const NetworkOptions& options);

}  // namespace medsweep::models
