#include <memory>

#include "results/journal.h"
#include "results/layout.h"
#include "results/status.h"
#include "runner/commands/commands.h"
#include "runner/ensemble/study_ensembles.h"
#include "runner/exit_codes.h"
#include "runner/frozen.h"
#include "runner/study_tables.h"

namespace medsweep::runner {
namespace {

struct StatusCommandOptions {
  std::string study;
  AnswerFormat format = AnswerFormat::kText;
};

int run_status(const StatusCommandOptions& options, const std::string& runs_list) {
  const auto runs = results::runs_folders(runs_list);
  const FrozenStudy study = study_of_results(options.study, runs);
  const double now = results::now_seconds();
  const results::Index index(runs);
  results::Status status =
      results::status_of(study.name, planned_trials(study.trials), index, {.now = now});
  status.ensembles =
      ensemble_statuses(study_ensembles(study.ensembles, study.trials), {study.name, runs}, index);
  print(options.format == AnswerFormat::kJson ? results::status_json(status)
                                              : results::status_text(status, now));
  return kDone;
}

}  // namespace

void add_status_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<StatusCommandOptions>();
  CLI::App* command = app.add_subcommand("status", "what is running, done, failed and left");
  command->add_option("study", options->study, "the study's TOML file")->required();
  add_format_option(*command, options->format);
  command->callback([&line, options] {
    line.chosen = [&line, options] { return run_status(*options, line.runs); };
  });
}

}  // namespace medsweep::runner
