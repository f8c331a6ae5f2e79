#include <fmt/format.h>

#include <map>
#include <memory>
#include <stdexcept>

#include "results/layout.h"
#include "runner/commands/commands.h"
#include "runner/ensemble/ensemble_results.h"
#include "runner/ensemble/make_ensembles.h"
#include "runner/ensemble/study_ensembles.h"
#include "runner/ensemble/trial_ensemble.h"
#include "runner/exit_codes.h"
#include "runner/frozen.h"
#include "runner/study_tables.h"
#include "runner/threads.h"

namespace medsweep::runner {
namespace {

struct EnsembleCommand {
  std::string study;
  std::vector<std::string> trials, data;
  std::string method = "vote", name;
  TrialEnsembleOptions options;
};

void print_scores(const EnsembleScores& judged) {
  std::string text;
  for (const auto& [metric, value] : judged.scores.overall)
    text += fmt::format("  {:<24} {:.4f}\n", metric, value);
  print(fmt::format("{} ({} cases)\n{}", judged.data.string(), judged.scores.cases.size(), text));
}

/// Of files: the first is the ensemble's own data, too.
std::vector<EnsembleScores> scores_by_files(const TrialEnsemble& ensemble,
                                            const std::vector<std::string>& files) {
  const auto alone = single_communicator();
  std::vector<EnsembleScores> scores;
  for (const std::string& file : files) {
    const auto path = std::filesystem::absolute(file);
    scores.push_back({path.filename().string(), path,
                      ensemble.evaluate(ensemble.labelled_samples(path), {*alone}),
                      shown_split(ensemble.members().front()->trial().settings)});
    print_scores(scores.back());
  }
  scores.push_back(scores.front());
  scores.back().dataset.clear();
  return scores;
}

int run_given_trials(const EnsembleCommand& command,
                     const std::vector<std::filesystem::path>& runs) {
  if (command.data.empty())
    throw std::invalid_argument("[ensemble] no --data; data files (.h5) are allowed");
  TrialEnsembleOptions options = command.options;
  options.method = ensemble_method(command.method);
  std::vector<TrainedTrial> trials;
  for (const std::string& trial : command.trials) trials.push_back(trained_trial(trial, runs));
  const TrialEnsemble ensemble(trials, options);
  const auto scores = scores_by_files(ensemble, command.data);
  const std::string name =
      command.name.empty() ? fmt::format("{}-of-{}", command.method, trials.size()) : command.name;
  const std::string identity = record_ensemble(ensemble, {name, name}, scores, runs.front());
  print(fmt::format("{}/{} ({}) is in the results of {}", trials.front().study, name, identity,
                    trials.front().study));
  return kDone;
}

/// Throws std::invalid_argument that says which trial is not there or not finished: a study that
/// never ran has none, even where another one has trained the same.
void check_trained(const StudyEnsemble& ensemble, const std::string& study,
                   const std::vector<std::filesystem::path>& runs) {
  for (const sweeps::Trial& trial : ensemble.trials)
    trained_trial(fmt::format("trial:{}/{}", study, trial.name), runs);
}

int run_of_study(const EnsembleCommand& command, const std::vector<std::filesystem::path>& runs) {
  const FrozenStudy study = study_with_ensembles(command.study, runs);
  if (study.ensembles.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no [[ensemble]]; --trials is allowed", command.study));
  const auto ensembles = study_ensembles(study.ensembles, study.trials);
  const auto standings = standings_of(ensembles, {study.name, runs}, results::Index(runs));
  const auto alone = single_communicator();
  for (std::size_t i = 0; i < ensembles.size(); ++i) {
    const StudyEnsemble& ensemble = ensembles[i];
    if (standings[i].state == EnsembleState::kMade) {
      print(ensemble.name.name + ": is there already");
      continue;
    }
    check_trained(ensemble, study.name, runs);
    if (standings[i].state == EnsembleState::kWaiting)
      throw std::invalid_argument(
          fmt::format("[ensemble] {} cannot be made: {}", ensemble.name.name, standings[i].why));
    const TrialEnsemble together = put_together(ensemble, study.name, standings[i].weights);
    const auto scores = judge(ensemble, together, {*alone});
    record_ensemble(together, ensemble.name, scores, runs.front());
    print(ensemble.name.name);
    for (const EnsembleScores& judged : scores) print_scores(judged);
  }
  return kDone;
}

int run_ensemble(const EnsembleCommand& command, const std::string& runs_list) {
  set_compute_threads(*single_communicator());
  const auto runs = results::runs_folders(runs_list);
  if (command.study.empty() == command.trials.empty())
    throw std::invalid_argument("[ensemble] a study's file or --trials is allowed, one of them");
  return command.study.empty() ? run_given_trials(command, runs) : run_of_study(command, runs);
}

std::string methods_help() {
  std::string text = "Methods:\n";
  for (const Row& row : ensemble_rows())
    text += fmt::format("  {:<10} {}\n", row.name, row.sentence);
  return text;
}

}  // namespace

void add_ensemble_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<EnsembleCommand>();
  CLI::App* command =
      app.add_subcommand("ensemble", "several trained trials together, judged as one trial");
  command->footer(methods_help);
  command->add_option(
      "--trials", options->trials,
      "STUDY/NAME, trials' folders or checkpoints of them; the first's study gets the "
      "row of the table");
  command->add_option("study", options->study,
                      "instead of --trials: a study's TOML file, all its [[ensemble]]s");
  command->add_option("--data", options->data, "data files (.h5) to judge --trials by");
  command->add_option("--method", options->method, "one of those below")->capture_default_str();
  command
      ->add_option("--minimum-votes", options->options.minimum_votes,
                   "for vote; 0: more than half of the trials")
      ->check(CLI::Range(0, 1'000'000));
  command
      ->add_option("--objects", options->options.objects,
                   "objects a class has in an image: one (a left lung) or many (opacities); unless "
                   "given, as the trials were trained")
      ->transform(CLI::CheckedTransformer(std::map<std::string, ObjectsPerClass>{
          {"one", ObjectsPerClass::kOne}, {"many", ObjectsPerClass::kMany}}))
      ->option_text("one|many");
  command->add_option("--name", options->name, "of the row; METHOD-of-NUMBER unless given");
  command->callback([&line, options] {
    line.chosen = [&line, options] { return run_ensemble(*options, line.runs); };
  });
}

}  // namespace medsweep::runner
