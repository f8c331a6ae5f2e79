#pragma once

#include <cstdint>
#include <functional>

#include "models/model.h"

namespace medsweep::models {

/// Bytes of what a thread allocates.
struct StepBytes {
  std::int64_t kept = 0;  ///< by the losses and their graph after the forward pass
  std::int64_t peak = 0;  ///< at most at a time, forward or backward
};

/// Measures the losses alone: what their graph holds.
std::int64_t kept_bytes(const std::function<Losses()>& loss);

/// Measures the losses and their gradient with regard to `parameter`. One of the first layers that
/// are trained takes the backward pass through all of the graph, without the other parameters'
/// gradients. Undefined: with regard to all, which are added to those that are there; stages that
/// are computed again do so only then.
StepBytes step_bytes(const std::function<Losses()>& loss, const torch::Tensor& parameter);

}  // namespace medsweep::models
