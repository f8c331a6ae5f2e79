#pragma once

#include <torch/nn.h>

#include <memory>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

namespace medsweep::runner {

struct GradientReducerOptions {
  std::int64_t bucket_bytes = 4 << 20;        ///< gradients that are reduced together, at most
  std::int64_t first_bucket_bytes = 1 << 20;  ///< the last layers': small, so that it starts early
};

/// Makes the gradients of a module the SUM over the ranks of a process group, while the backward
/// pass still computes: LibTorch's c10d::Reducer with a hook that does not divide.
/// Li et al.: PyTorch Distributed, VLDB 2020 (arXiv 2006.15704), section 3.
///
/// A step:
///     for all micro-batches but the last:  loss.backward();       // adds to .grad, no reduction
///     reducer.prepare(loss); loss.backward();                     // adds and reduces
///     reducer.finish();                                           // .grad is the sum over ranks
/// The loss is scaled so that the sum over ranks is the objective's gradient (sum / total weight).
///
/// Every parameter that requires a gradient gets one on every rank in every step, also from an
/// empty batch (times 0). Buckets are assigned once, in the reverse order of the parameters, and
/// never rebuilt: a resumed run sums in the same order. Gradients live in the buckets: optimisers
/// change them in place or drop them (zero_grad), they do not replace them.
///
/// Without a process group (one rank) nothing is done at all. Not for concurrent use; ends before
/// the process group's MPI.
class GradientReducer {
 public:
  /// Collective. Copies rank 0's parameters and buffers to all ranks. Parameters must have their
  /// final type, device and strides; 1x1 kernels of a channels-last network get channels-last
  /// strides, as their gradients have.
  /// Throws std::invalid_argument where no parameter requires a gradient, and std::runtime_error
  /// where ranks do not have the same parameters.
  GradientReducer(torch::nn::Module& module, c10::intrusive_ptr<c10d::ProcessGroup> process_group,
                  const GradientReducerOptions& options = {});
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// Before the last backward pass of a step: this one reduces.
  void prepare(const torch::Tensor& loss);
  /// After it. Throws std::runtime_error that names the parameters which got no gradient.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;  // null: one rank
};

/// Copies rank 0's values of all parameters and buffers to all ranks. Collective; a null process
/// group does nothing.
void broadcast_module(const torch::nn::Module& module,
                      const c10::intrusive_ptr<c10d::ProcessGroup>& process_group);

}  // namespace medsweep::runner
