#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace medsweep::datasets {

/// One turn of a sample in an epoch. `number` tells turns of the same sample apart: its patches, or
/// the repeats that a pool's weights ask for. Both are part of the key of all that is random.
struct Draw {
  std::int64_t sample = 0;
  std::int64_t number = 0;
  bool operator==(const Draw&) const = default;
};

/// kDrop leaves out a last global batch that is not full.
enum class LastBatch { kKeep, kDrop };
/// kInOrder: sample 0, 1, 2 ... in every epoch, for evaluation.
enum class SampleOrder { kShuffled, kInOrder };
/// What a shard (a rank) may get of a global batch that is smaller than the number of shards.
enum class EmptyShard { kRefuse, kAllow };

/// A run of consecutive samples, one data file of a pool, and its share of an epoch's draws.
struct Share {
  std::int64_t samples = 0;
  double weight = 1;
};

struct SamplerOptions {
  std::uint64_t seed = 0;
  std::int64_t batch_size = 1;        ///< global, whatever the number of ranks
  std::int64_t draws_per_sample = 1;  ///< patches per image
  LastBatch last_batch = LastBatch::kKeep;
  SampleOrder order = SampleOrder::kShuffled;
  EmptyShard empty_shard = EmptyShard::kRefuse;
  /// The group of each sample; batches are of one group where they can be. Empty: one group.
  std::vector<std::int64_t> groups{};
};

/// Which samples are drawn when: a pure function of the options, the epoch and the step. The global
/// batch does not depend on the number of shards, and each shard is a contiguous part of it.
///
/// An epoch has (all samples) x draws_per_sample draws. With more than one share, share k gets
/// weight_k / (sum of weights) of them (largest remainders), taken from whole shuffled passes over
/// its samples, so that no sample is drawn a second time more often than another of its share.
///
/// With groups an epoch has the same draws in another order: as they come, draws wait in their
/// group, and each group that has a batch together is the next batch. What waits at the end, less
/// than a batch a group, follows group by group, beginning with one that the epoch draws, cut into
/// batches that mix groups.
///
/// Immutable: any thread may ask.
class Sampler {
 public:
  /// Throws std::invalid_argument for no samples, a batch size or number of draws below 1, a
  /// weight that is not positive, kDrop with fewer draws than one batch, or groups that are not
  /// one for each sample.
  Sampler(std::vector<Share> shares, const SamplerOptions& options);
  /// One share of `samples`.
  Sampler(std::int64_t samples, const SamplerOptions& options);

  /// Batches in an epoch.
  std::int64_t steps() const { return steps_; }
  /// Draws in an epoch, dropped ones included.
  std::int64_t draws() const { return draws_; }
  const SamplerOptions& options() const { return options_; }

  /// All draws of an epoch in order.
  std::vector<Draw> epoch_order(std::int64_t epoch) const;
  /// [first, last) of `epoch_order` that is global batch `step`.
  std::pair<std::int64_t, std::int64_t> global_batch(std::int64_t step) const;
  /// [first, last) of `epoch_order` that is shard `shard` of `shards` in batch `step`.
  std::pair<std::int64_t, std::int64_t> shard(std::int64_t step, std::int64_t shard,
                                              std::int64_t shards) const;
  /// Throws std::invalid_argument where kRefuse holds and some batch would leave a shard empty.
  void check_shards(std::int64_t shards) const;

 private:
  std::vector<Share> shares_;
  SamplerOptions options_;
  std::int64_t samples_ = 0, draws_ = 0, steps_ = 0;
};

/// Part `part` of [0, count) cut in `parts` contiguous parts whose sizes differ by at most one, the
/// larger ones first: [first, last).
std::pair<std::int64_t, std::int64_t> part_of(std::int64_t count, std::int64_t part,
                                              std::int64_t parts);

}  // namespace medsweep::datasets
