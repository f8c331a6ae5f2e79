#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>

#include "base/random.h"

namespace medsweep::datasets {

/// The position (of the flattened map) of a random foreground pixel: its class is drawn uniformly
/// among those present, then a pixel among the class's, so that small classes are drawn as often as
/// large ones. Nothing where no label is above 0. labels: int16 of any shape, contiguous, at most
/// 256.
std::optional<std::int64_t> draw_foreground(const torch::Tensor& labels, RandomStream& stream);

}  // namespace medsweep::datasets
