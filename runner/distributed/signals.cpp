#include "runner/distributed/signals.h"

#include <array>
#include <atomic>
#include <csignal>

#include "base/files.h"

namespace medsweep::runner {
namespace {

constexpr std::array kStopSignals{SIGINT, SIGTERM, SIGUSR1};

std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "a handler may only touch lock-free atomics");

std::array<struct sigaction, kStopSignals.size()> previous_actions;

void remember_signal(int signal) {
  request_stop(signal);
  if (signal != SIGINT) return;
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGINT, &standard, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  first_signal = 0;
  struct sigaction action {};
  action.sa_handler = remember_signal;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kStopSignals.size(); ++i)
    check_errno(sigaction(kStopSignals[i], &action, &previous_actions[i]), "signals", "sigaction");
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kStopSignals.size(); ++i)
    sigaction(kStopSignals[i], &previous_actions[i], nullptr);
}

int stop_signal() { return first_signal; }

void request_stop(int signal) {
  int none = 0;
  first_signal.compare_exchange_strong(none, signal);
}

std::string_view signal_name(int signal) {
  switch (signal) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    case SIGUSR1:
      return "SIGUSR1";
    default:
      return "signal";
  }
}

}  // namespace medsweep::runner
