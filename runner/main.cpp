#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>

#include "runner/commands/commands.h"
#include "runner/exit_codes.h"
#include "runner/version.h"

namespace medsweep::runner {
namespace {

constexpr const char* kFooter = R"(Examples:
  runner --sweep sweeps/demo.toml                  train a study on this machine
  mpirun -n 2 runner --sweep sweeps/demo.toml      the same on two ranks
  sbatch slurm/sweep.sh sweeps/drive.toml          the same on a cluster
  runner plan sweeps/drive.toml                    what it would do
  runner table sweeps/drive.toml                   what came out

Environment:
  MEDSWEEP_RUNS   folders of results, separated by ':'; the first is written to (default: runs)

Exit status:
  0   everything asked for is there
  1   the machine's fault: a disk, a file, a lost rank
  2   the command line's or the study's fault
  3   some trials failed, or another sweep is still training them
  75  stopped by a signal with checkpoints written: start it again to go on)";

int report(const char* what, int code) {
  fmt::print(stderr, "runner: {}\n", what);
  return code;
}

void add_commands(CLI::App& app, CommandLine& line) {
  app.add_option("--runs", line.runs, "folders of results")->envname("MEDSWEEP_RUNS");
  app.set_version_flag("--version", version_text());
  app.footer(kFooter);
  add_run_command(app, line);
  add_plan_command(app, line);
  add_prepare_command(app, line);
  add_inspect_command(app, line);
  add_export_command(app, line);
  add_predict_command(app, line);
  add_ensemble_command(app, line);
  add_table_command(app, line);
  add_zoo_command(app, line);
  add_status_command(app, line);
  add_list_command(app, line);
  add_new_command(app, line);
  add_doctor_command(app, line);
  add_housekeeping_commands(app, line);
  // Where the results are may be said before the command or after it.
  for (CLI::App* command : app.get_subcommands({}))
    command->add_option("--runs", line.runs, "folders of results");
}

}  // namespace

int run_main(int argc, char** argv) {
  CLI::App app(
      "Medsweep: ablation studies of medical-image segmentation, from one TOML file to "
      "one table.",
      "runner");
  CommandLine line;
  line.arguments.assign(argv, argv + argc);
  try {
    add_commands(app, line);
    app.parse(argc, argv);
    if (line.chosen) return line.chosen();
    fmt::print("{}", app.help());
    return kUserError;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUserError;
  } catch (const std::invalid_argument& error) {
    return report(error.what(), kUserError);
  } catch (const std::exception& error) {
    return report(error.what(), kWorldError);
  }
}

}  // namespace medsweep::runner

/// Ends without destructors of globals: libtorch's take its operators apart for a tenth of a
/// second. Ours have nothing left to do, as all that is to be closed belongs to an object in
/// run_main.
[[noreturn]] static void leave(int code) {
  if (std::fflush(nullptr) != 0) {
    std::perror("runner: the output cannot be written");
    code = medsweep::runner::kWorldError;
  }
#ifdef __SANITIZE_ADDRESS__
  std::exit(code);  // looks for leaks
#else
  std::_Exit(code);
#endif
}

int main(int argc, char** argv) { leave(medsweep::runner::run_main(argc, argv)); }
