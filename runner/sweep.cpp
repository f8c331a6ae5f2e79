#include "runner/sweep.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>

#include "base/digest.h"
#include "base/host.h"
#include "results/index.h"
#include "results/journal.h"
#include "results/layout.h"
#include "results/render.h"
#include "runner/distributed/groups.h"
#include "runner/distributed/signals.h"
#include "runner/distributed/trial_queue.h"
#include "runner/ensemble/make_ensembles.h"
#include "runner/group_error.h"
#include "runner/progress.h"
#include "runner/study_tables.h"
#include "runner/threads.h"
#include "runner/trial_runner.h"
#include "runner/version.h"

namespace medsweep::runner {
namespace {

/// "slurm-4711" in a Slurm job, else the host's name: whose journal it is.
std::string job_name() {
  const char* job = std::getenv("SLURM_JOB_ID");
  return job != nullptr ? fmt::format("slurm-{}", job) : host_name();
}

/// What a leader writes with; other ranks have none.
struct LeaderTools {
  std::unique_ptr<results::Journal> journal;
  std::unique_ptr<Progress> progress;
};

LeaderTools leader_tools(const Communicator& group, const std::filesystem::path& study_folder) {
  if (group.rank() != 0) return {};
  return {std::make_unique<results::Journal>(study_folder, job_name()),
          std::make_unique<Progress>(write_to(STDERR_FILENO), progress_options_for(STDERR_FILENO),
                                     steady_clock())};
}

/// Numbers of the trials that are not finished yet, in the study's order.
std::vector<std::int64_t> unfinished(const FrozenStudy& study, const results::Index& index) {
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < study.trials.size(); ++i)
    if (study.chosen.contains(study.trials[i].identity) && !is_finished(study.trials[i], index))
      numbers.push_back(static_cast<std::int64_t>(i));
  return numbers;
}

/// How often each ending was met by this rank's group; leaders count.
using Endings = std::map<TrialEnding, std::int64_t>;

void record_trials(const SweepOptions& options, const FrozenStudy& study,
                   results::Journal& journal) {
  journal.append(results::record(
      results::StudyRecord{study.name, sha256_hex(study.text), options.command, versions()}));
  for (const sweeps::Trial& trial : study.trials)
    journal.append(
        results::record(results::TrialRecord{trial.identity, trial.name, study.name, trial.labels,
                                             trial.knobs, trial.seed, trial.fold}));
}

/// A group's life: a trial from the queue, until none is left or a signal came.
Endings run_group(const FrozenStudy& study, const SweepOptions& options, Communicator& group,
                  TrialQueue& queue, const std::filesystem::path& study_folder) {
  LeaderTools tools = leader_tools(group, study_folder);
  if (tools.journal) record_trials(options, study, *tools.journal);
  const TrialSite site{
      group,
      tools.journal.get(),
      tools.progress.get(),
      study_folder,
      [] { return stop_signal() != 0; },
      [&](const sweeps::Trial& trial) { return is_finished(trial, results::Index(options.runs)); }};
  Endings endings;
  for (;;) {
    std::optional<std::int64_t> number;
    if (group.rank() == 0) number = queue.next();
    const std::string text = group.broadcast(number ? std::to_string(*number) : "");
    if (text.empty()) return endings;
    const sweeps::Trial& trial = study.trials.at(std::stoul(text));
    const TrialEnding ending = run_trial(trial, site);
    ++endings[ending];
    if (ending != TrialEnding::kStopped) continue;
    if (group.rank() == 0) {
      queue.cancel();
      while (queue.next()) continue;  // the queue ends when every leader was told so
    }
    return endings;
  }
}

/// The sum over the leaders of how often each ending was met.
Endings total(const Endings& own, bool leads, Communicator& world) {
  constexpr std::array kAll{TrialEnding::kFinished, TrialEnding::kStopped, TrialEnding::kFailed,
                            TrialEnding::kElsewhere};
  std::array<double, kAll.size()> counts{};
  for (std::size_t i = 0; i < kAll.size(); ++i)
    if (leads && own.contains(kAll[i])) counts[i] = static_cast<double>(own.at(kAll[i]));
  world.all_reduce_sum(counts);
  Endings sum;
  for (std::size_t i = 0; i < kAll.size(); ++i) sum[kAll[i]] = static_cast<std::int64_t>(counts[i]);
  return sum;
}

/// What a sweep came to.
struct Outcome {
  Endings endings;
  MadeEnsembles ensembles;
  bool stopped() const { return endings.at(TrialEnding::kStopped) > 0 || ensembles.stopped; }
};

void print_outcome(const FrozenStudy& study, const SweepOptions& options, const Outcome& outcome) {
  const Endings& endings = outcome.endings;
  const results::Index index(options.runs);
  const auto tables = study_tables(study, index);
  fmt::print("{}", results::render(tables, results::TableFormat::kTerminal));
  if (const auto failed = endings.at(TrialEnding::kFailed); failed > 0)
    fmt::print("{} of the trials failed; runner status {} says why\n", failed,
               options.study.string());
  if (const auto elsewhere = endings.at(TrialEnding::kElsewhere); elsewhere > 0)
    fmt::print("{} of the trials are being trained by another sweep\n", elsewhere);
  for (const std::string& remark : outcome.ensembles.remarks) fmt::print("{}\n", remark);
  if (outcome.stopped())
    fmt::print("stopped by {}; the same command goes on\n", signal_name(stop_signal()));
  std::fflush(stdout);
}

ExitCode exit_code(const Outcome& outcome) {
  if (outcome.stopped()) return kStoppedExit;
  if (outcome.endings.at(TrialEnding::kFailed) > 0 ||
      outcome.endings.at(TrialEnding::kElsewhere) > 0 || outcome.ensembles.failed > 0)
    return kIncomplete;
  return kDone;
}

}  // namespace

ExitCode run_sweep(const SweepOptions& options, Communicator& world) {
  const StopSignals signals;
  set_compute_threads(world);
  const FrozenStudy study = freeze_study(options, world);
  const std::filesystem::path folder = results::study_folder(options.runs.front(), study.name);
  std::vector<std::int64_t> numbers;
  on_all_ranks(world, [&] {
    if (world.rank() == 0) numbers = unfinished(study, results::Index(options.runs));
  });
  const Groups groups = split_into_groups(world, static_cast<int>(study.ranks_per_trial));
  if (world.rank() == 0 && !groups.idle_ranks.empty())
    fmt::print(stderr, "{} of {} ranks stay idle: they do not fill a group of {}\n",
               groups.idle_ranks.size(), world.size(), study.ranks_per_trial);
  Endings endings;
  {
    const auto queue = world.trial_queue(numbers, groups.count);
    if (groups.mine) endings = run_group(study, options, *groups.mine, *queue, folder);
  }
  Outcome outcome{total(endings, groups.mine && groups.mine->rank() == 0, world), {}};
  if (!outcome.stopped()) outcome.ensembles = make_ensembles(study, options.runs, world);
  if (world.rank() == 0) print_outcome(study, options, outcome);
  return exit_code(outcome);
}

ExitCode dry_run(const SweepOptions& options, Communicator& world) {
  if (world.rank() != 0) return kDone;
  const FrozenStudy study = study_to_run(options);
  const results::Index index(options.runs);
  const auto numbers = unfinished(study, index);
  for (const std::int64_t number : numbers)
    fmt::print("{}\n", study.trials[static_cast<std::size_t>(number)].name);
  fmt::print("{} of {} trials would be run\n", numbers.size(), study.trials.size());
  for (const auto& ensemble : ensemble_statuses(study_ensembles(study.ensembles, study.trials),
                                                {study.name, options.runs}, index))
    if (!ensemble.is_done) fmt::print("ensemble {} would be made\n", ensemble.name);
  return kDone;
}

}  // namespace medsweep::runner
