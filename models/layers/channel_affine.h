#pragma once

#include <torch/types.h>

namespace medsweep::models {

/// x a + y b + c with a, b and c per channel, in one pass over memory.
///
/// x, y: [N, C, H, W] of one type (float32 or bfloat16), arithmetic in float32; a, b, c: [C]
/// float32. The result has the type and memory format of `y`. Without gradient.
torch::Tensor channel_affine(const torch::Tensor& x, const torch::Tensor& a, const torch::Tensor& y,
                             const torch::Tensor& b, const torch::Tensor& c);

}  // namespace medsweep::models
