#pragma once

#include <mpi.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "runner/distributed/communicator.h"
#include "runner/distributed/mpi_channel.h"
#include "runner/distributed/mpi_work.h"

namespace medsweep::runner {

/// c10d's collectives on CPU tensors over MPI.
///
/// They are done in the order of the calls, on a channel of their own. All ranks make the same
/// calls in the same order. With a worker thread a call returns at once with the Work to wait for,
/// and tensors belong to the worker until that is done; wait() sleeps, and so does the worker until
/// all ranks have come. Without one the caller itself does each at once and gets a Work that is
/// done.
///
/// Watchdog: when the others do not come within the timeout, the Work and all after it fail with
/// CollectiveTimeout, whose text names this rank, the collective, its number and who is missing.
/// The group is of no use after that; so it is after a failed MPI call. Whoever catches it ends the
/// process (MpiSession::abort), since the other ranks cannot go on without it.
class MpiBackend final : public c10d::Backend {
 public:
  /// Collective over `comm`. timeout: kNoLimit waits for ever.
  MpiBackend(MPI_Comm comm, std::chrono::milliseconds timeout, CollectiveThread thread);
  /// Waits for the works that were asked for; they fail rather than hang.
  ~MpiBackend() override;

  const std::string getBackendName() const override { return "mpi"; }
  void setTimeout(std::chrono::milliseconds timeout) override;
  std::uint64_t getSequenceNumberForGroup() override;

  /// Exactly one tensor, reduced in place (see all_reduce_in_place).
  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors,
                                           const c10d::AllreduceOptions& options) override;
  /// Exactly one tensor of any type and strides, the same shape everywhere.
  c10::intrusive_ptr<c10d::Work> broadcast(std::vector<at::Tensor>& tensors,
                                           const c10d::BroadcastOptions& options) override;
  /// outputs[0]: one tensor a rank, each of the input's shape.
  c10::intrusive_ptr<c10d::Work> allgather(std::vector<std::vector<at::Tensor>>& outputs,
                                           std::vector<at::Tensor>& inputs,
                                           const c10d::AllgatherOptions& options) override;
  /// output: [ranks * input.numel()], contiguous.
  c10::intrusive_ptr<c10d::Work> _allgather_base(at::Tensor& output, at::Tensor& input,
                                                 const c10d::AllgatherOptions& options) override;
  c10::intrusive_ptr<c10d::Work> barrier(const c10d::BarrierOptions& options) override;

 private:
  struct Task {
    c10::intrusive_ptr<MpiWork> work;
    std::function<void(const Task&)> run;
    std::chrono::milliseconds timeout;
  };

  c10::intrusive_ptr<c10d::Work> submit(c10d::OpType operation, std::vector<at::Tensor> outputs,
                                        std::chrono::milliseconds timeout,
                                        std::function<void(const Task&)> run);
  void meet(const Task& task);
  void all_reduce(at::Tensor& tensor, c10d::ReduceOp::RedOpType operation, const Task& task);
  void work_until_stopped();
  void perform(Task& task);

  MpiChannel channel_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  std::chrono::milliseconds timeout_;
  std::int64_t submitted_ = 0;
  bool stopping_ = false;
  std::exception_ptr broken_;          // only who performs
  std::vector<at::Tensor> abandoned_;  // MPI may still write into these
  std::thread worker_;                 // last: it uses the others
};

/// A process group for CPU tensors over the ranks of `comm`, with a backend of its own. Collective.
c10::intrusive_ptr<c10d::ProcessGroup> mpi_process_group(
    MPI_Comm comm, std::chrono::milliseconds timeout,
    CollectiveThread thread = CollectiveThread::kWorker);

}  // namespace medsweep::runner
