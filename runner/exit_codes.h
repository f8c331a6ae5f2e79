#pragma once

namespace medsweep::runner {

/// What `runner` returns to the shell; documented in its --help and in docs/clusters.md.
enum ExitCode : int {
  kDone = 0,          ///< everything asked for is there
  kDifferent = 1,     ///< `inspect --compare`: two files differ, as diff has it
  kWorldError = 1,    ///< the machine's fault: a disk, a file, a lost rank
  kUserError = 2,     ///< the command line's or the study's
  kIncomplete = 3,    ///< some trials failed, or another sweep is still training them
  kStoppedExit = 75,  ///< stopped by a signal with checkpoints: start again ("requeue me")
};

}  // namespace medsweep::runner
