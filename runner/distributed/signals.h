#pragma once

#include <string_view>

namespace medsweep::runner {

/// While one lives, SIGINT, SIGTERM and SIGUSR1 set a flag and nothing else; the training loop asks
/// for it at each step and agrees on it over the ranks. A second SIGINT ends the process at once.
/// At most one at a time; the handlers from before come back at its end.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
};

/// The first signal that came since the StopSignals began; 0: none. Any thread.
int stop_signal();

/// As if `signal` had come: how a rank learns from the others.
void request_stop(int signal);

/// "SIGINT", "SIGTERM", "SIGUSR1", otherwise "signal".
std::string_view signal_name(int signal);

}  // namespace medsweep::runner
