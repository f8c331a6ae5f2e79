#include "runner/distributed/mpi_session.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <exception>
#include <stdexcept>

#include "runner/distributed/mpi_channel.h"

namespace medsweep::runner {
namespace {

std::string thread_level_name(int level) {
  switch (level) {
    case MPI_THREAD_MULTIPLE:
      return "multiple";
    case MPI_THREAD_SERIALIZED:
      return "serialized";
    case MPI_THREAD_FUNNELED:
      return "funneled";
    default:
      return "single";
  }
}

void start_mpi() {
  int level = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &level), "MPI_Init_thread");
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  if (level < MPI_THREAD_MULTIPLE)
    throw std::runtime_error(
        fmt::format("[mpi] thread level {} granted by {}; multiple is needed (gradients are summed "
                    "by a thread of their own)",
                    thread_level_name(level), mpi_facts().library));
}

}  // namespace

MpiSession::MpiSession(MpiStart start, const MpiOptions& options)
    : launch_(detect_launch()), exceptions_(std::uncaught_exceptions()) {
  if (launch_.launcher == Launcher::kSlurmWithoutPmix)
    throw std::runtime_error(
        fmt::format("[mpi] srun started {} tasks without PMIx, so that each would run everything "
                    "alone; use srun --mpi=pmix, or mpirun within the job",
                    launch_.processes.value_or(0)));
  if (launch_.launcher == Launcher::kAlone && start == MpiStart::kIfLaunched) {
    world_ = single_communicator();
    return;
  }
  start_mpi();
  started_ = true;
  world_ = mpi_communicator(MPI_COMM_WORLD, options);
}

MpiSession::~MpiSession() {
  world_.reset();
  if (started_ && !failed_ && std::uncaught_exceptions() <= exceptions_) MPI_Finalize();
}

void MpiSession::abort(int code) {
  if (started_) MPI_Abort(MPI_COMM_WORLD, code);
  std::_Exit(code);
}

MpiFacts mpi_facts() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0, started = 0, ended = 0, level = 0;
  check_mpi(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  MpiFacts facts{std::string(text.data(), std::size_t(length)), ""};
  facts.library.resize(std::min(facts.library.size(), facts.library.find_first_of(",\n")));
  MPI_Initialized(&started);
  MPI_Finalized(&ended);
  if (!started || ended) return facts;
  check_mpi(MPI_Query_thread(&level), "MPI_Query_thread");
  facts.thread_level = thread_level_name(level);
  return facts;
}

}  // namespace medsweep::runner
