#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <vector>

namespace medsweep::runner {

class TrialQueue;

/// Who does a process group's collectives.
enum class CollectiveThread {
  kWorker,  ///< a thread of the group's, beside the computation: gradients
  kCaller,  ///< the computation, which goes on with the result: batch statistics
};

/// The ranks that train one trial together, or all ranks of a job. Small host values go through
/// here; tensors go through `process_group()`.
///
/// Every call is collective: all ranks of the group make the same calls in the same order, one
/// thread at a time. Waiting sleeps: it leaves the core to who computes. A failing MPI call throws
/// std::runtime_error that names call and rank; a group whose other ranks do not come throws
/// CollectiveTimeout (mpi_channel.h).
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// `text` of rank `root`, on all ranks.
  virtual std::string broadcast(const std::string& text, int root = 0) = 0;
  /// Element-wise sum over the ranks, in place; the same bits on every rank.
  virtual void all_reduce_sum(std::span<double> values) = 0;
  /// Element-wise maximum over the ranks, in place.
  virtual void all_reduce_max(std::span<double> values) = 0;
  /// Every rank's text in the order of ranks, on `root`; empty elsewhere.
  virtual std::vector<std::string> gather(const std::string& text, int root = 0) = 0;
  virtual void barrier() = 0;
  /// The ranks of equal `color` become a group, ordered by rank. color < 0: in no group (null).
  virtual std::unique_ptr<Communicator> split(int color) = 0;

  /// A c10d process group over the same ranks with its own channel (a duplicated communicator).
  /// Each call makes a new one, collectively. Null where size() is 1: there is nothing to reduce.
  /// Two users that reduce at the same time (gradients, batch statistics) take one each, so that
  /// neither waits behind the other. It must end before MPI does.
  virtual c10::intrusive_ptr<c10d::ProcessGroup> process_group(CollectiveThread thread) = 0;

  /// A queue of trials on rank 0 (trials: rank 0's count) that `askers` leaders empty. Collective.
  virtual std::unique_ptr<TrialQueue> trial_queue(std::vector<std::int64_t> trials, int askers) = 0;
};

/// One process, no MPI.
std::unique_ptr<Communicator> single_communicator();

}  // namespace medsweep::runner
