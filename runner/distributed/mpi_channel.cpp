#include "runner/distributed/mpi_channel.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>

namespace medsweep::runner {
namespace {

using Clock = std::chrono::steady_clock;

// Most waits end within microseconds; a sleep costs about 60 us and leaves the core to the others.
constexpr std::chrono::microseconds kSpin{30};
constexpr std::chrono::microseconds kShortestSleep{20};
constexpr std::chrono::microseconds kLongestSleep{2000};

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

MpiChannel::MpiChannel(MPI_Comm parent, std::chrono::milliseconds timeout) : timeout_(timeout) {
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
    if (timeout != kNoLimit && waited > timeout) return false;
    // Never more than a hundredth of the wait so far, so that the sleep itself costs no more.
    const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(waited / 100);
    sleep = std::clamp(limit, kShortestSleep, kLongestSleep);
    std::this_thread::sleep_for(sleep);
  }
}

void MpiChannel::meet(std::string_view what, std::int64_t number,
                      std::chrono::milliseconds timeout) {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier");
  if (await(request, timeout)) return;
  throw CollectiveTimeout(
      fmt::format("[distributed] rank {} of {}: {} #{}: other ranks did not come within {} s",
                  rank_, size_, what, number, double(timeout.count()) / 1000));
}

}  // namespace medsweep::runner
