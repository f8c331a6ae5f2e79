#pragma once

#include <cstdint>
#include <string>

#include "models/attention/spatial_transformer.h"
#include "models/layers/batch_norm.h"

namespace medsweep::models {

/// How `scse` joins its two gates.
enum class GateJoin {
  kMax,  ///< the larger of the two gated maps (default; as the authors' code)
  kAdd,  ///< their sum (as the paper)
};

/// What `project_excite` does with its projections.
enum class ProjectionFlavor {
  kSum,        ///< their sum, then ReLU (default; as the paper)
  kMeanPrelu,  ///< a third (in two dimensions half) of it, then PReLU with a slope per channel
};

/// What of a map `cs`, `sc` and `pam` squeeze.
enum class Pooling {
  kAverage,
  kMaximum,
  kAverageAndMaximum,  ///< each through the same layers, their results added before the sigmoid
};

/// Whether `pam`'s channel attention is told by a gradient what its key slices should have held.
enum class SqueezeGradient {
  kFlows,     ///< default
  kDetached,  ///< only its own layers learn
};

struct AttentionOptions {
  std::int64_t channels = 0;      ///< of input and output
  std::int64_t dimensions = 2;    ///< 2: maps [N, C, H, W], 3: [N, C, D, H, W]; set by the network
  std::int64_t slices = 0;        ///< cs, sc, pam: D of the maps; set by the network
  std::int64_t patch_slices = 0;  ///< D of the network's input where that is so
  std::int64_t heads = 1;         ///< relative_self_attention: the channels are split among them
  std::int64_t clip_distance = 16;  ///< relative_self_attention: beyond it offsets are one
  std::int64_t reduction = 16;      ///< channels / reduction (at least 1) within
  std::int64_t kernel_size = 7;     ///< spatial, cbam: odd
  std::int64_t radix = 2;           ///< split
  GateJoin join = GateJoin::kMax;   ///< scse
  ProjectionFlavor projection = ProjectionFlavor::kSum;               ///< project_excite
  std::int64_t slice_reduction = 16, channel_reduction = 8;           ///< cs, sc, pam
  Pooling slice_pooling = Pooling::kAverage;                          ///< cs, sc, pam
  Pooling channel_pooling = Pooling::kAverage;                        ///< cs, sc, pam
  SqueezeGradient squeeze = SqueezeGradient::kFlows;                  ///< pam
  std::string normalization = "batch";                                ///< attention_gate, split
  double weight = 0.1;                                                ///< cam: of its loss
  GridCorners corners = GridCorners::kEdges;                          ///< stn
  BatchStatistics batch_statistics = BatchStatistics::kSynchronized;  ///< cbam, ...
};

}  // namespace medsweep::models
