#pragma once

#include <torch/types.h>

#include <memory>

namespace medsweep::datasets {

/// Memory for batches that is used again when a batch is done with, so that pages are touched once:
/// page-locked where torch has a GPU, so that copies to it run beside the computation.
///
/// Any thread may call it; tensors may outlive it.
class BatchMemory {
 public:
  BatchMemory();
  /// float32, contiguous, its values whatever was there before.
  torch::Tensor take(torch::IntArrayRef sizes);

 private:
  struct Pool;
  std::shared_ptr<Pool> pool_;
};

}  // namespace medsweep::datasets
