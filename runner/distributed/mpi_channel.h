#pragma once

#include <mpi.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace medsweep::runner {

/// Other ranks did not come to a collective in time: a hang, not a failed call. The text names this
/// rank, the collective, its number and the ranks that are missing.
class CollectiveTimeout : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// For every MPI call: throws std::runtime_error "[mpi] rank 3: MPI_Bcast: MPI_ERR_COMM: ..." when
/// `code` is not MPI_SUCCESS.
void check_mpi(int code, std::string_view call);

/// Waiting for ever.
inline constexpr std::chrono::milliseconds kNoLimit{0};

/// What a waiting thread does with its core.
enum class Waiting {
  kSleep,  ///< leaves it to the computation that goes on meanwhile
  kYield,  ///< asks again and again for a millisecond, after whoever else wants the core: the
           ///< computation itself waits, and a sleep would outlast the wait
};

/// A duplicated communicator, so that no message meets another user's, and a way of waiting that
/// neither burns the core nor lasts for ever.
///
/// Made and ended by all ranks of `parent`, in the same order. One thread at a time.
/// MPI must have been started with MPI_THREAD_MULTIPLE.
class MpiChannel {
 public:
  /// timeout: how long a rank waits for the others; kNoLimit: for ever.
  MpiChannel(MPI_Comm parent, std::chrono::milliseconds timeout, Waiting waiting = Waiting::kSleep);
  ~MpiChannel();
  MpiChannel(const MpiChannel&) = delete;
  MpiChannel& operator=(const MpiChannel&) = delete;

  MPI_Comm get() const { return comm_; }
  int rank() const { return rank_; }
  int size() const { return size_; }
  std::chrono::milliseconds timeout() const { return timeout_; }

  /// Returns once `request`, this rank's `number`-th collective, is done. `what` is for the text.
  /// Throws CollectiveTimeout; MPI may then still write into the request's buffers.
  void complete(MPI_Request& request, std::string_view what, std::int64_t number,
                std::chrono::milliseconds timeout);

  /// Returns once all ranks have come to their `number`-th collective. Throws as complete() does.
  /// After it, a blocking MPI collective does not wait for anybody.
  void meet(std::string_view what, std::int64_t number, std::chrono::milliseconds timeout);

  /// Polls `request` with growing sleeps until it is done. False when `timeout` has passed first;
  /// the request then stays active.
  bool await(MPI_Request& request, std::chrono::milliseconds timeout);

 private:
  void announce(std::int64_t number);
  void listen();
  std::string missing_ranks(std::int64_t number) const;

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::chrono::milliseconds timeout_;
  Waiting waiting_;
  std::int64_t announced_ = 0;              // the number that is on its way to the others
  std::vector<MPI_Request> announcements_;  // and its sends
  std::vector<std::int64_t> heard_;         // the last number that each rank announced
};

}  // namespace medsweep::runner
