#pragma once

#include <memory>
#include <string>

#include "runner/distributed/communicator.h"
#include "runner/distributed/launcher.h"
#include "runner/distributed/mpi_communicator.h"

namespace medsweep::runner {

enum class MpiStart {
  kIfLaunched,  ///< a process that was started by hand does without MPI and its start-up time
  kAlways,      ///< also alone: `runner doctor` wants to know what MPI grants
};

/// MPI from its start to its end, and all ranks of the job. One per process, made by main outside
/// of its try block: all communicators, groups and queues end before it.
///
/// What happens to the others when a rank dies: mpirun ends them (about 1 s); srun does so with
/// --kill-on-bad-exit=1, which the job scripts give (without it the others wait until their
/// timeout). Both were tried with SIGKILL and with exit(3).
class MpiSession {
 public:
  /// Throws std::runtime_error when srun started several tasks without PMIx (each would run the
  /// whole sweep), when MPI does not start, or when it does not grant MPI_THREAD_MULTIPLE.
  explicit MpiSession(MpiStart start = MpiStart::kIfLaunched, const MpiOptions& options = {});
  /// Ends MPI. While an exception passes, or after failed(), it does not: the other ranks may never
  /// come to the end. The launcher ends them when this process exits with a code other than 0.
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  const Launch& launch() const { return launch_; }
  /// True where MPI runs.
  bool started() const { return started_; }
  Communicator& world() { return *world_; }

  /// This rank cannot go on with the others: do not wait for them at the end.
  void failed() { failed_ = true; }
  /// Ends all ranks of the job now, with exit code `code`. Alone: this process.
  [[noreturn]] void abort(int code);

 private:
  Launch launch_;
  int exceptions_;
  bool started_ = false, failed_ = false;
  std::unique_ptr<Communicator> world_;
};

/// What MPI is and grants.
struct MpiFacts {
  std::string library;  ///< "Open MPI v4.1.4"
  std::string
      thread_level;  ///< "multiple", "serialized", "funneled", "single"; "" where not started
};
MpiFacts mpi_facts();

}  // namespace medsweep::runner
