#pragma once

#include <cstdint>

#include "datasets/batch.h"
#include "models/segmentation/segmentation_model.h"

namespace medsweep::models {

/// An estimate of the bytes that one forward and backward on N = `samples` images of
/// channels x (depth x) height x width needs beside parameters, gradients and optimizer.
///
/// What a step needs is counted by the CPU allocator at two small sizes and carried on in
/// proportion to the pixels, in the model's precision, with maps in `layout`. Where features are
/// kept, that is what a forward keeps for its backward, and an eighth for the gradients that are on
/// their way; where they are computed again, the most of forward and backward. Within about 25 % of
/// the measured peak for the U-Nets; for networks that find objects see
/// models/mask_rcnn/training_memory.h.
/// The model is of no use afterwards: where features are kept it lets go of the kernels first, so
/// that planning holds no network twice.
std::int64_t activation_bytes(SegmentationModel& model, MemoryLayout layout, std::int64_t channels,
                              std::int64_t samples, datasets::Extent size);

}  // namespace medsweep::models
