#include <memory>
#include <nlohmann/json.hpp>

#include "results/layout.h"
#include "runner/commands/commands.h"
#include "runner/exit_codes.h"
#include "runner/plan.h"
#include "runner/trial_weights.h"

namespace medsweep::runner {
namespace {

struct PlanOptions {
  std::string study;
  sweeps::StudyOptions language;
  bool probe = false;
  AnswerFormat format = AnswerFormat::kText;
};

int run_plan(const PlanOptions& options, const std::string& runs) {
  const auto folders = results::runs_folders(runs);
  const sweeps::Study study =
      sweeps::load_study(options.study, study_schema(folders), options.language);
  sweeps::StudyOptions whole = options.language;
  whole.only.clear();
  const auto ensembles =
      planned_ensembles(options.language.only.empty()
                            ? study
                            : sweeps::load_study(options.study, study_schema(folders), whole));
  StudyPlan plan = plan_costs(study, folders, options.probe ? Probe::kYes : Probe::kNo);
  plan.ensembles = ensembles;
  print(options.format == AnswerFormat::kJson ? plan_json(study, plan).dump(2)
                                              : plan_text(study, plan));
  return kDone;
}

}  // namespace

void add_plan_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<PlanOptions>();
  options->language.unknown_names = sweeps::UnknownNames::kCollect;
  CLI::App* command =
      app.add_subcommand("plan", "the trials of a study and what they cost, without running any");
  command->add_option("study", options->study, "the study's TOML file")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--set", options->language.set, "KEY=VALUE in place of the study's")
      ->allow_extra_args(false);
  command->add_option("--only", options->language.only, "KEY=VALUE: these trials alone")
      ->allow_extra_args(false);
  command->add_flag("--probe", options->probe, "time a few steps where no earlier run tells");
  add_format_option(*command, options->format);
  command->callback([&line, options] {
    line.chosen = [&line, options] { return run_plan(*options, line.runs); };
  });
}

}  // namespace medsweep::runner
