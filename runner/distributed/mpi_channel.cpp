#include "runner/distributed/mpi_channel.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>

namespace medsweep::runner {
namespace {

using Clock = std::chrono::steady_clock;

// Most waits end within microseconds; a sleep costs about 60 us and leaves the core to the others.
constexpr std::chrono::microseconds kSpin{30}, kYielding{1000};
constexpr std::chrono::microseconds kShortestSleep{20};
constexpr std::chrono::microseconds kLongestSleep{2000};

// A wait that is worth telling the others of.
constexpr std::chrono::milliseconds kQuietWait{1000};
constexpr int kAnnouncement = 1;

int world_rank() {
  int started = 0, rank = -1;
  MPI_Initialized(&started);
  if (started) MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

}  // namespace

void check_mpi(int code, std::string_view call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw std::runtime_error(fmt::format("[mpi] rank {}: {}: {}", world_rank(), call,
                                       std::string_view(text.data(), std::size_t(length))));
}

MpiChannel::MpiChannel(MPI_Comm parent, std::chrono::milliseconds timeout, Waiting waiting)
    : timeout_(timeout), waiting_(waiting) {
  check_mpi(MPI_Comm_dup(parent, &comm_), "MPI_Comm_dup");
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

MpiChannel::~MpiChannel() {
  int ended = 0;
  MPI_Finalized(&ended);
  if (!ended && comm_ != MPI_COMM_NULL) MPI_Comm_free(&comm_);
}

bool MpiChannel::await(MPI_Request& request, std::chrono::milliseconds timeout) {
  const auto start = Clock::now();
  auto sleep = kShortestSleep;
  for (;;) {
    int done = 0;
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done) return true;
    const auto waited = Clock::now() - start;
    if (waited < kSpin) continue;
    if (waiting_ == Waiting::kYield && waited < kYielding) {
      std::this_thread::yield();
      continue;
    }
    if (timeout != kNoLimit && waited > timeout) return false;
    // Never more than a hundredth of the wait so far, so that the sleep itself costs no more.
    const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(waited / 100);
    sleep = std::clamp(limit, kShortestSleep, kLongestSleep);
    std::this_thread::sleep_for(sleep);
  }
}

// Who waits long says so to the others: at the end of its patience a rank then knows who is
// missing.
void MpiChannel::announce(std::int64_t number) {
  int sent = 1;
  check_mpi(
      MPI_Testall(int(announcements_.size()), announcements_.data(), &sent, MPI_STATUSES_IGNORE),
      "MPI_Testall");
  if (!sent) return;
  announcements_.assign(std::size_t(size_), MPI_REQUEST_NULL);
  announced_ = number;
  for (int to = 0; to < size_; ++to)
    if (to != rank_)
      check_mpi(MPI_Isend(&announced_, 1, MPI_INT64_T, to, kAnnouncement, comm_,
                          &announcements_[std::size_t(to)]),
                "MPI_Isend");
}

void MpiChannel::listen() {
  heard_.resize(std::size_t(size_), 0);
  for (;;) {
    int found = 0;
    MPI_Status status{};
    check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, kAnnouncement, comm_, &found, &status), "MPI_Iprobe");
    if (!found) return;
    check_mpi(MPI_Recv(&heard_[std::size_t(status.MPI_SOURCE)], 1, MPI_INT64_T, status.MPI_SOURCE,
                       kAnnouncement, comm_, MPI_STATUS_IGNORE),
              "MPI_Recv");
  }
}

std::string MpiChannel::missing_ranks(std::int64_t number) const {
  std::string missing;
  for (int rank = 0; rank < size_; ++rank)
    if (rank != rank_ && heard_[std::size_t(rank)] < number) missing += fmt::format(" {}", rank);
  return missing.empty() ? " (all came, but late)" : missing;
}

void MpiChannel::meet(std::string_view what, std::int64_t number,
                      std::chrono::milliseconds timeout) {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier");
  complete(request, what, number, timeout);
}

void MpiChannel::complete(MPI_Request& request, std::string_view what, std::int64_t number,
                          std::chrono::milliseconds timeout) {
  if (timeout == kNoLimit) {
    await(request, kNoLimit);
    return;
  }
  listen();
  const auto quiet = std::min(kQuietWait, timeout / 4 + std::chrono::milliseconds(1));
  if (await(request, quiet)) return;
  announce(number);
  if (await(request, timeout - quiet)) return;
  listen();
  throw CollectiveTimeout(
      fmt::format("[distributed] rank {} of {}: {} #{}: not within {} s: ranks{}", rank_, size_,
                  what, number, double(timeout.count()) / 1000, missing_ranks(number)));
}

}  // namespace medsweep::runner
