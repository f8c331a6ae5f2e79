#pragma once

#include <torch/types.h>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

namespace medsweep::models {

/// x where it is positive, slope x elsewhere.
struct Rectifier {
  double slope = 1;        ///< 1: x itself, 0: ReLU, else a leaky one
  torch::Tensor slopes{};  ///< [C], in place of `slope`: a PReLU's
};

inline Rectifier relu() { return {.slope = 0}; }

/// What shares a mean and a variance: a channel of all samples, or of one.
enum class NormalizedOver { kBatch, kSample };

struct RectifiedNormalizationOptions {
  torch::Tensor weight, bias;  ///< [C], float32
  NormalizedOver over = NormalizedOver::kBatch;
  double eps = 1e-5;
  Rectifier before{}, behind{};
  /// Whose batches are one, as in synchronized_batch_norm; null: of this forward alone.
  c10::intrusive_ptr<c10d::ProcessGroup> group{};
};

struct RectifiedMaps {
  torch::Tensor output;
  torch::Tensor mean, variance;  ///< [C], [N C] over samples; the variance is unbiased
};

/// rectified(normalised(rectified(x))) by the statistics of x, in two passes over memory forward
/// and two backward, which keep x alone. Normalisation as torch's BatchNorm and InstanceNorm.
///
/// x, output: [N, C, (D,) H, W], for which fuses_rectified(x) holds. Gradients flow to x, weight,
/// bias and slopes, not to the statistics; they have no gradients of their own.
RectifiedMaps rectified_normalization(const torch::Tensor& x,
                                      const RectifiedNormalizationOptions& options);

/// Whether x may be given to rectified_normalization: float32 or bfloat16 in the processor's
/// memory, channels-last, not empty.
bool fuses_rectified(const torch::Tensor& x);

/// The rectifier alone, of maps of any kind.
torch::Tensor rectified(const torch::Tensor& x, const Rectifier& rectifier);

/// rectified_normalization over samples (whatever `over` says) where it can be, the same by torch's
/// operators elsewhere.
torch::Tensor rectified_instance_norm(const torch::Tensor& x,
                                      const RectifiedNormalizationOptions& options);

}  // namespace medsweep::models
