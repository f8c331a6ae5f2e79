#include <fmt/format.h>

#include <memory>

#include "results/layout.h"
#include "runner/commands/commands.h"
#include "runner/distributed/mpi_session.h"
#include "runner/exit_codes.h"
#include "runner/frozen.h"
#include "runner/group_error.h"
#include "runner/sweep.h"

namespace medsweep::runner {
namespace {

constexpr int kMostRanks = 1'000'000;

struct RunOptions {
  SweepOptions sweep;
  std::string study;
  bool extend = false, frozen = false, same_code = false, dry_run = false;
};

OnDifference on_difference(const RunOptions& options) {
  if (options.extend) return OnDifference::kExtend;
  if (options.frozen) return OnDifference::kFrozen;
  if (options.same_code) return OnDifference::kSameCode;
  return OnDifference::kAsk;
}

int run_study(RunOptions options, const CommandLine& line) {
  options.sweep.study = options.study;
  options.sweep.runs = results::runs_folders(line.runs);
  options.sweep.on_difference = on_difference(options);
  options.sweep.command = line.arguments;
  MpiSession session;
  try {
    return options.dry_run ? dry_run(options.sweep, session.world())
                           : run_sweep(options.sweep, session.world());
  } catch (const GroupError&) {
    // On all ranks: rank 0 speaks, the others wait in MPI_Finalize until it has.
    if (session.world().rank() != 0) return kWorldError;
    throw;
  } catch (const StudyRefused&) {
    if (session.world().rank() != 0) return kUserError;
    throw;
  } catch (const std::invalid_argument&) {
    session.failed();
    throw;
  } catch (const std::exception& error) {
    // The other ranks are in the middle of something with this one: nobody goes on alone.
    if (session.world().size() == 1) throw;
    fmt::print(stderr, "runner: rank {}: {}\n", session.world().rank(), error.what());
    session.abort(kWorldError);
  }
}

void add_run_options(CLI::App& command, RunOptions& options) {
  SweepOptions& sweep = options.sweep;
  command.add_option("--set", sweep.set, "KEY=VALUE in place of the study's; recorded")
      ->allow_extra_args(false);
  command.add_option("--only", sweep.only, "KEY=VALUE: these trials alone; recorded")
      ->allow_extra_args(false);
  command
      .add_option("--ranks-per-trial", sweep.ranks_per_trial,
                  "ranks that train one trial together (default: the study's)")
      ->check(CLI::Range(1, kMostRanks));
  CLI::Option* extend =
      command.add_flag("--extend", options.extend, "the study changed: add its new trials");
  command.add_flag("--frozen", options.frozen, "the study changed: go on with the old one")
      ->excludes(extend);
  command.add_flag("--same-code", options.same_code,
                   "only the code changed: let old results stand, and say so in the table");
  command.add_flag("--dry-run", options.dry_run, "say what would be run, and run nothing");
}

}  // namespace

void add_run_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<RunOptions>();
  const auto choose = [&line, options] {
    line.chosen = [&line, options] { return run_study(*options, line); };
  };
  CLI::App* command = app.add_subcommand("run", "train a study's trials and print its table");
  command->add_option("study", options->study, "the study's TOML file")
      ->required()
      ->check(CLI::ExistingFile);
  add_run_options(*command, *options);
  command->callback(choose);
  // `runner --sweep FILE` is the same as `runner run FILE`.
  app.add_option("--sweep", options->study, "the same as `run STUDY`")
      ->check(CLI::ExistingFile)
      ->each([choose](const auto&) { choose(); });
  add_run_options(app, *options);
}

}  // namespace medsweep::runner
