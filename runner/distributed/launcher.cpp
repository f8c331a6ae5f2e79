#include "runner/distributed/launcher.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace medsweep::runner {
namespace {

std::optional<int> number_in(const Environment& environment, const char* name) {
  const char* text = environment(name);
  if (!text) return std::nullopt;
  const std::string_view view(text);
  int value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc() || end != view.data() + view.size()) return std::nullopt;
  return value;
}

}  // namespace

Launch detect_launch(const Environment& environment) {
  if (const auto size = number_in(environment, "OMPI_COMM_WORLD_SIZE"))
    return {Launcher::kMpirun, size};
  const auto tasks = number_in(environment, "SLURM_STEP_NUM_TASKS");
  if (environment("PMIX_RANK")) return {Launcher::kPmix, tasks};
  if (tasks.value_or(1) > 1) return {Launcher::kSlurmWithoutPmix, tasks};
  return {Launcher::kAlone, 1};
}

Launch detect_launch() {
  // Once: MPI_Init of a process that nobody launched sets the launcher's variables itself.
  static const Launch launch = detect_launch([](const char* name) { return std::getenv(name); });
  return launch;
}

std::string to_string(Launcher launcher) {
  switch (launcher) {
    case Launcher::kMpirun:
      return "mpirun";
    case Launcher::kPmix:
      return "pmix";
    case Launcher::kSlurmWithoutPmix:
      return "srun without pmix";
    default:
      return "alone";
  }
}

}  // namespace medsweep::runner
