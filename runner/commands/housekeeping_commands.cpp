#include <memory>

#include "results/housekeeping.h"
#include "results/layout.h"
#include "runner/commands/commands.h"
#include "runner/exit_codes.h"

namespace medsweep::runner {
namespace {

struct HousekeepingOptions {
  std::string study, trial, output;
  bool yes = false;
};

results::Housekeeping place_of(const HousekeepingOptions& options, const std::string& runs) {
  return {results::runs_folders(runs), options.study};
}

/// The list first; with --yes it is carried out.
int clean_up(const results::CleanUp& plan, const results::Housekeeping& where, bool yes) {
  print(results::clean_up_text(plan));
  if (!yes) {
    print("nothing was removed; --yes does it");
    return kDone;
  }
  results::carry_out(plan, where);
  return kDone;
}

int run_archive(const HousekeepingOptions& options, const std::string& runs) {
  const results::Housekeeping where = place_of(options, runs);
  const std::string output = options.output.empty() ? options.study + ".tar.gz" : options.output;
  results::archive(where, results::Index(where.runs_folders), output);
  print(output);
  return kDone;
}

int run_remove(const HousekeepingOptions& options, const std::string& runs) {
  const results::Housekeeping where = place_of(options, runs);
  const results::Index index(where.runs_folders);
  const results::CleanUp plan = options.trial.empty()
                                    ? results::plan_remove_study(where, index)
                                    : results::plan_remove_trial(where, index, options.trial);
  return clean_up(plan, where, options.yes);
}

int run_collect(const HousekeepingOptions& options, const std::string& runs) {
  const results::Housekeeping where = place_of(options, runs);
  return clean_up(results::plan_collect(where, results::Index(where.runs_folders)), where,
                  options.yes);
}

using Run = int (*)(const HousekeepingOptions&, const std::string&);

CLI::App* add_command(CLI::App& app, CommandLine& line, const char* name, const char* sentence,
                      const std::shared_ptr<HousekeepingOptions>& options, Run run) {
  CLI::App* command = app.add_subcommand(name, sentence);
  command->add_option("study", options->study, "the study's name (its folder under runs)")
      ->required();
  command->callback([&line, options, run] {
    line.chosen = [&line, options, run] { return run(*options, line.runs); };
  });
  return command;
}

}  // namespace

void add_housekeeping_commands(CLI::App& app, CommandLine& line) {
  const auto archived = std::make_shared<HousekeepingOptions>();
  add_command(app, line, "archive", "pack a study's results into one .tar.gz", archived,
              run_archive)
      ->add_option("--output", archived->output, "the archive (default: STUDY.tar.gz)");
  const auto removed = std::make_shared<HousekeepingOptions>();
  CLI::App* remove = add_command(app, line, "remove",
                                 "remove a study's results, or one trial's, unless another study "
                                 "cites them",
                                 removed, run_remove);
  remove->add_option("--trial", removed->trial, "only this trial: its name or identity");
  remove->add_flag("--yes", removed->yes, "do it; without, the list is shown");
  const auto collected = std::make_shared<HousekeepingOptions>();
  add_command(app, line, "gc", "remove checkpoints and leftovers that nobody needs", collected,
              run_collect)
      ->add_flag("--yes", collected->yes, "do it; without, the list is shown");
}

}  // namespace medsweep::runner
