#pragma once

#include <torch/nn.h>

#include <string_view>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <utility>
#include <vector>

#include "models/layers/rectified_normalization.h"

namespace medsweep::models {

/// Whose samples a batch normalisation in train() mode takes its mean and variance from.
enum class BatchStatistics {
  kSynchronized,  ///< all samples of the ranks' forwards together (default)
  kPerShard,      ///< the samples of one forward; running statistics are the mean over a step's
                  ///< forwards
  kFrozen,        ///< none: the running statistics are used and never change
};

/// "synchronized", "per_shard", "frozen". Throws std::invalid_argument for another name.
BatchStatistics batch_statistics_of(std::string_view name);

struct BatchNorm2dOptions {
  std::int64_t channels;
  BatchStatistics statistics = BatchStatistics::kSynchronized;
  double eps = 1e-5;
  double momentum = 0.1;  ///< of the running statistics: new = 0.9 old + 0.1 batch
};

/// y = (x - mean) / sqrt(variance + eps) * weight + bias per channel.
/// Ioffe, Szegedy: Batch Normalization, ICML 2015 (arXiv 1502.03167). Parameters and buffers are
/// called as torch's BatchNorm2d: weight, bias, running_mean, running_var, num_batches_tracked.
///
/// Input and output [N, C, H, W] or [N, C, D, H, W], float32 or bfloat16 (statistics and parameters
/// stay float32), contiguous or channels-last, which is the faster one (rectified_normalization).
///
/// Synchronised over several ranks, every rank must call forward and backward equally often and in
/// the same order; a rank with N = 0 still joins. Count, mean and sum of squares are combined in
/// float64, by one small all-reduce each in forward and backward, so that the ranks together give
/// what one rank gives on the joined batch; running_var is unbiased over the global count.
///
/// Throws std::invalid_argument in training when a channel has one value in all.
class BatchNorm2dImpl : public torch::nn::Module {
 public:
  explicit BatchNorm2dImpl(const BatchNorm2dOptions& options);
  torch::Tensor forward(const torch::Tensor& input);
  /// rectified(forward(input), behind), which costs no pass of its own where that can be.
  torch::Tensor forward_rectified(const torch::Tensor& input, const Rectifier& behind);
  /// Until unfreeze(), forward uses the running statistics and never changes them, also after
  /// train(). Whether weight and bias are trained is said by their requires_grad.
  void freeze() { frozen_ = true; }
  void unfreeze() { frozen_ = false; }

 private:
  friend void set_process_group(torch::nn::Module&, const c10::intrusive_ptr<c10d::ProcessGroup>&);
  friend void finish_step(torch::nn::Module&, const c10::intrusive_ptr<c10d::ProcessGroup>&);
  friend class StatisticsGuard;
  bool updates_per_shard() const;
  bool uses_running_statistics() const;
  bool is_alone() const { return group_ == nullptr || group_->getSize() == 1; }
  torch::Tensor normalized(const torch::Tensor& input);
  torch::Tensor forward_fused(const torch::Tensor& input, const Rectifier& behind);
  void add_shard(const torch::Tensor& mean, const torch::Tensor& variance);

  BatchNorm2dOptions options_;
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
  torch::Tensor weight_, bias_, running_mean_, running_var_, num_batches_tracked_;
  torch::Tensor shard_sums_;  ///< [2, C]: mean and unbiased variance summed over a step's forwards
  std::int64_t shards_ = 0;
  bool frozen_ = false;
};
TORCH_MODULE(BatchNorm2d);

/// Gives every synchronised BatchNorm2d inside `module` the ranks that it sums over; null or a
/// group of one: by itself. The layers use the group on the calling thread during forward and
/// backward: give one of their own, so that they do not queue behind the gradients' buckets.
void set_process_group(torch::nn::Module& module,
                       const c10::intrusive_ptr<c10d::ProcessGroup>& group);

/// To be called on all ranks after the last forward of a step, before the next one: moves the
/// running statistics of kPerShard layers by the mean over the step's shards on all ranks (one
/// all-reduce for the whole module). Nothing happens without such layers. `group` may be null.
void finish_step(torch::nn::Module& module, const c10::intrusive_ptr<c10d::ProcessGroup>& group);

/// While it lives, forwards on this thread leave running statistics as they are: they repeat one
/// that has moved them.
class WithoutStatistics {
 public:
  WithoutStatistics();
  ~WithoutStatistics();
  WithoutStatistics(const WithoutStatistics&) = delete;
  WithoutStatistics& operator=(const WithoutStatistics&) = delete;
};

/// While it lives, forwards in train() mode may be tried: at its end all buffers of `module`, and
/// what its kPerShard layers have summed, are again what they were. The module outlives it.
class StatisticsGuard {
 public:
  explicit StatisticsGuard(torch::nn::Module& module);
  ~StatisticsGuard();
  StatisticsGuard(const StatisticsGuard&) = delete;
  StatisticsGuard& operator=(const StatisticsGuard&) = delete;

 private:
  struct ShardSums {
    BatchNorm2dImpl* layer;
    torch::Tensor sums;
    std::int64_t shards;
  };
  std::vector<std::pair<torch::Tensor, torch::Tensor>> buffers_;  ///< each with its old values
  std::vector<ShardSums> layers_;
};

}  // namespace medsweep::models
