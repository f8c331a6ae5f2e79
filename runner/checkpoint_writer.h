#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <vector>

#include "runner/checkpoint.h"

namespace medsweep::runner {

struct CheckpointOptions {
  std::int64_t keep = 2;  ///< the newest that stay, beside the best; at least 1
};

/// Writes checkpoints while the training goes on:
///
///   writer.save(state, named_tensors(model), optimizer.state());  // returns at once
///   ... forward, backward ...                                     // meanwhile a copy is made
///   writer.wait_for_snapshot();                                   // mostly returns at once
///   optimizer.step();
///   ...
///   writer.finish();
///
/// A background thread copies the tensors into buffers that are kept from one checkpoint to the
/// next, then writes and digests them at low priority. Tensors that forward and backward change
/// (those of the model that need no gradient: running statistics) are copied before save()
/// returns; parameters and optimizer state must not change before wait_for_snapshot() returned.
///
/// The folder is written as `step-000123.tmp`, flushed, renamed, its parent flushed; only then
/// are older checkpoints removed: the newest `keep`, and the best, stay.
/// One thread may call; one writer a folder.
class CheckpointWriter {
 public:
  /// Makes the folder and removes unfinished `.tmp` folders of earlier runs.
  /// Throws std::invalid_argument for keep < 1, std::runtime_error when the folder cannot be made.
  explicit CheckpointWriter(std::filesystem::path folder, const CheckpointOptions& options = {});
  /// Waits for the write that is going on; its error is lost unless finish() was called.
  ~CheckpointWriter() = default;

  /// Waits while the previous write is still going (see busy()). Throws its std::runtime_error,
  /// which names the file, and then starts nothing; earlier checkpoints are unharmed by it.
  void save(const TrainingState& state, const Tensors& model, const Tensors& optimizer);

  /// Returns when parameters and optimizer state may change again.
  void wait_for_snapshot();

  /// True while save() would have to wait.
  bool busy() const;

  /// Waits until the last checkpoint is on the disk; throws its std::runtime_error.
  void finish();

 private:
  /// A tensor of the training and its copy.
  struct Pair {
    torch::Tensor source, copy;
  };

  std::vector<Pair> pair_up(const Tensors& sources, Tensors& copies) const;
  void write(const TrainingState& state) const;
  void remove_old(const TrainingState& state) const;

  std::filesystem::path folder_;
  CheckpointOptions options_;
  Tensors model_, optimizer_;  ///< the kept buffers, on the host
  std::future<void> snapshot_;
  std::future<void> write_;  ///< last: its destructor waits for the thread that uses the others
};

}  // namespace medsweep::runner
