#include "runner/distributed/mpi_trial_queue.h"

#include <fmt/format.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "runner/distributed/mpi_channel.h"

namespace medsweep::runner {
namespace {

constexpr std::chrono::milliseconds kServePeriod{5};
constexpr std::int64_t kNothingLeft = -1;

enum QueueTag : int { kAsk = 1, kAnswer = 2, kCancel = 3 };

class MpiTrialQueue final : public TrialQueue {
 public:
  MpiTrialQueue(MPI_Comm comm, std::vector<std::int64_t> trials, int askers)
      : channel_(comm, kNoLimit),
        exceptions_(std::uncaught_exceptions()),
        trials_(std::move(trials)),
        askers_(askers) {
    if (askers < 1 || askers > channel_.size())
      throw std::invalid_argument(
          fmt::format("[trial_queue] {} askers; 1...{} are allowed", askers, channel_.size()));
    if (channel_.rank() == 0) server_ = std::thread([this] { serve(); });
  }

  ~MpiTrialQueue() override {
    if (!server_.joinable()) return;
    if (std::uncaught_exceptions() > exceptions_) stopping_ = true;
    server_.join();
  }

  std::optional<std::int64_t> next() override {
    const std::int64_t trial = channel_.rank() == 0 ? take() : ask();
    if (channel_.rank() == 0 && server_error()) std::rethrow_exception(server_error());
    return trial == kNothingLeft ? std::nullopt : std::optional(trial);
  }

  void cancel() override {
    cancelled_ = true;
    if (channel_.rank() == 0) return;
    const std::int64_t nothing = 0;
    send(nothing, 0, kCancel);
  }

 private:
  std::int64_t take() {
    std::lock_guard lock(mutex_);
    if (!cancelled_ && position_ < trials_.size()) return trials_[position_++];
    ++told_;
    return kNothingLeft;
  }

  std::int64_t ask() {
    const std::int64_t nothing = 0;
    std::int64_t trial = kNothingLeft;
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Irecv(&trial, 1, MPI_INT64_T, 0, kAnswer, channel_.get(), &request), "MPI_Irecv");
    send(nothing, 0, kAsk);
    channel_.await(request, kNoLimit);
    return trial;
  }

  void send(std::int64_t value, int to, QueueTag tag) {
    check_mpi(MPI_Send(&value, 1, MPI_INT64_T, to, tag, channel_.get()), "MPI_Send");
  }

  void serve() {
    try {
      while (!stopping_ && told() < askers_)
        if (!answer_one()) std::this_thread::sleep_for(kServePeriod);
    } catch (...) {
      std::lock_guard lock(mutex_);
      error_ = std::current_exception();
    }
  }

  /// False when nobody has asked.
  bool answer_one() {
    int found = 0;
    MPI_Status status{};
    check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, channel_.get(), &found, &status),
              "MPI_Iprobe");
    if (!found) return false;
    std::int64_t value = 0;
    check_mpi(MPI_Recv(&value, 1, MPI_INT64_T, status.MPI_SOURCE, status.MPI_TAG, channel_.get(),
                       MPI_STATUS_IGNORE),
              "MPI_Recv");
    if (status.MPI_TAG == kCancel)
      cancelled_ = true;
    else
      send(take(), status.MPI_SOURCE, kAnswer);
    return true;
  }

  int told() {
    std::lock_guard lock(mutex_);
    return told_;
  }
  std::exception_ptr server_error() {
    std::lock_guard lock(mutex_);
    return error_;
  }

  MpiChannel channel_;
  const int exceptions_;
  std::mutex mutex_;
  std::vector<std::int64_t> trials_;
  std::size_t position_ = 0;
  const int askers_;
  int told_ = 0;
  std::exception_ptr error_;
  std::atomic<bool> cancelled_ = false, stopping_ = false;
  std::thread server_;  // last: it uses the others
};

}  // namespace

std::unique_ptr<TrialQueue> mpi_trial_queue(MPI_Comm comm, std::vector<std::int64_t> trials,
                                            int askers) {
  return std::make_unique<MpiTrialQueue>(comm, std::move(trials), askers);
}

}  // namespace medsweep::runner
