#include "runner/trial_runner.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/duration.h"
#include "results/layout.h"
#include "results/record.h"
#include "runner/claim.h"
#include "runner/group_error.h"
#include "runner/settings.h"
#include "runner/trainer.h"
#include "runner/trial_data.h"
#include "runner/trial_report.h"

namespace medsweep::runner {
namespace {

std::int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

/// The leader's claim, or, on all ranks, why there is none.
struct GroupClaim {
  std::unique_ptr<Claim> claim;
  std::optional<TrialEnding> ending;
};

GroupClaim claim_for(const sweeps::Trial& trial, const TrialSite& site,
                     const std::filesystem::path& folder) {
  GroupClaim result;
  std::string ending;
  on_all_ranks(site.group, [&] {
    if (site.group.rank() != 0) return;
    const bool is_new = !std::filesystem::exists(folder);
    result.claim = Claim::take(folder);
    if (!result.claim)
      ending = "elsewhere";
    else if (!is_new && site.is_finished(trial))
      ending = "finished";
  });
  ending = site.group.broadcast(ending);
  if (ending == "elsewhere") result.ending = TrialEnding::kElsewhere;
  if (ending == "finished") result.ending = TrialEnding::kFinished;
  return result;
}

TrialReport report_for(const sweeps::Trial& trial, const TrialSite& site,
                       const std::filesystem::path& folder) {
  if (site.journal == nullptr) return {};
  return {trial.identity, trial.name, *site.journal, *site.progress, folder / "log.txt"};
}

void record_failure(TrialReport& report, const results::FailureRecord& failure) {
  report.append(failure);
  report.sync();
  report.finish(fmt::format("failed ({}): {}", results::name_of(failure.failure), failure.message));
}

TrialEnding train_and_record(const TrialSettings& settings, const TrialSite& site,
                             const std::filesystem::path& folder, TrialReport& report) {
  const auto start = std::chrono::steady_clock::now();
  TrialData data;
  on_all_ranks(site.group, [&] { data = open_trial_data(settings); });
  for (const std::string& note : data.notes) report.log(note);
  record_split(data, settings, report);
  const TrainingOutcome outcome =
      train(settings, data, {site.group, report, site.stop_requested, folder});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (outcome.ending == Ending::kStopped) {
    report.append(results::StopRecord{settings.identity, "signal", outcome.epochs, outcome.step});
    report.sync();
    report.finish(fmt::format("stopped at step {}; it goes on when started again", outcome.step));
    return TrialEnding::kStopped;
  }
  report.append(
      results::DoneRecord{settings.identity, outcome.epochs, seconds, peak_memory_bytes()});
  report.sync();
  report.finish(fmt::format("done in {}", duration_text(seconds)));
  return TrialEnding::kFinished;
}

}  // namespace

TrialEnding run_trial(const sweeps::Trial& trial, const TrialSite& site) {
  const std::filesystem::path folder = results::trial_folder(site.study_folder, trial.identity);
  const GroupClaim claim = claim_for(trial, site, folder);
  if (claim.ending) return *claim.ending;
  TrialReport report = report_for(trial, site, folder);
  try {
    return train_and_record(read_settings(trial), site, folder, report);
  } catch (const GroupError& error) {
    record_failure(report, {trial.identity, error.failure(), error.what(), error.samples(), 0});
  } catch (...) {
    const CaughtError error = caught_error();
    record_failure(report, {trial.identity, error.failure, error.text, {}, 0});
    if (site.group.size() > 1) throw;
  }
  return TrialEnding::kFailed;
}

}  // namespace medsweep::runner
