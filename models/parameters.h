#pragma once

#include <torch/nn.h>

#include <cstdint>

#include "models/precision.h"

namespace medsweep::models {

/// Numbers in all parameters (buffers are not counted).
std::int64_t count_parameters(const torch::nn::Module& module);

/// Lays 4-D and 5-D parameters out as `layout` in place. Strides of 1x1 kernels are those of the
/// gradients that convolutions return, which gradient buckets need. Kernels of volumes with
/// millions of numbers stay contiguous: their gradients come so, and bringing those into another
/// order takes longer than it saves.
void set_memory_layout(torch::nn::Module& module, MemoryLayout layout);

}  // namespace medsweep::models
