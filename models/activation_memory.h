#pragma once

#include <cstdint>
#include <functional>

#include "datasets/batch.h"
#include "models/model.h"
#include "models/precision.h"

namespace medsweep::models {

/// Bytes of what a thread allocates.
struct StepBytes {
  std::int64_t kept = 0;  ///< by the losses and their graph after the forward pass
  std::int64_t peak = 0;  ///< at most at a time, forward or backward
};

/// Measures the losses and their gradient with regard to `parameter`. One of the first layers that
/// are trained takes the backward pass through all of the graph, without the other parameters'
/// gradients.
StepBytes step_bytes(const std::function<Losses()>& loss, const torch::Tensor& parameter);

/// An estimate of the bytes that one forward and backward on N = `samples` images of
/// channels x (depth x) height x width needs beside parameters, gradients and optimizer.
///
/// What a forward keeps for its backward is counted by the CPU allocator at two small sizes and
/// carried on in proportion to the pixels, in the model's precision; an eighth is added for the
/// gradients that are on their way. Within about 25 % of the measured peak for the U-Nets; for
/// networks that find objects see models/mask_rcnn/training_memory.h.
/// Lets go of the kernels first, so that planning holds no network twice: the model is of no use
/// afterwards. precision: the model's.
std::int64_t activation_bytes(Model& model, Precision precision, std::int64_t channels,
                              std::int64_t samples, datasets::Extent size);

}  // namespace medsweep::models
