#include "results/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/duration.h"

namespace medsweep::results {
namespace {

std::int64_t epochs_of(const PlannedTrial& trial) {
  return nlohmann::json::parse(trial.knobs).value("epochs", std::int64_t{0});
}

double middle_of(std::vector<double> numbers) {
  std::ranges::sort(numbers);
  return numbers[numbers.size() / 2];
}

std::optional<double> seconds_left(const Status& status) {
  std::vector<double> timed;
  for (const TrialStatus& trial : status.trials)
    if (trial.progress.epoch_seconds > 0) timed.push_back(trial.progress.epoch_seconds);
  double seconds = 0;
  for (const TrialStatus& trial : status.trials) {
    const TrialState state = trial.progress.state;
    if (state == TrialState::kDone || state == TrialState::kFailed) continue;
    if (timed.empty()) return std::nullopt;
    const double own = trial.progress.epoch_seconds;
    const auto epochs = std::max<std::int64_t>(trial.epochs - trial.progress.epochs, 0);
    seconds += static_cast<double>(epochs) * (own > 0 ? own : middle_of(timed));
  }
  return seconds / static_cast<double>(std::max<std::int64_t>(status.running, 1));
}

std::string line_of(const TrialStatus& trial, double now) {
  const TrialProgress& progress = trial.progress;
  std::string line = fmt::format("  {:<8} {}  epoch {}/{}", name_of(progress.state), trial.name,
                                 progress.epochs, trial.epochs);
  if (!progress.detail.empty()) line += "  " + progress.detail;
  if (!progress.message.empty()) line += ": " + progress.message;
  if (trial.is_silent)
    line += fmt::format("  not heard of for {} ({})", duration_text(now - progress.last_heard),
                        progress.host);
  return line + '\n';
}

std::string ensembles_text(const std::vector<EnsembleStatus>& ensembles) {
  if (ensembles.empty()) return {};
  const auto done = std::ranges::count(ensembles, true, &EnsembleStatus::is_done);
  std::string text = fmt::format("{} ensembles, {} done, {} pending\n", ensembles.size(), done,
                                 std::ssize(ensembles) - done);
  for (const EnsembleStatus& one : ensembles)
    if (!one.is_done)
      text += fmt::format("  {:<8} {}{}{}\n", "pending", one.name,
                          one.waits_for.empty() ? "" : "  ", one.waits_for);
  return text;
}

}  // namespace

Status status_of(const std::string& study, const std::vector<PlannedTrial>& trials,
                 const Index& index, const StatusOptions& options) {
  Status status{.study = study};
  for (const PlannedTrial& planned : trials) {
    TrialStatus trial{planned.identity, planned.name, index.progress(planned.identity),
                      epochs_of(planned)};
    switch (trial.progress.state) {
      case TrialState::kDone:
        ++status.done;
        break;
      case TrialState::kFailed:
        ++status.failed;
        break;
      case TrialState::kRunning:
        trial.is_silent = options.now - trial.progress.last_heard > options.silent_after_seconds;
        ++status.running;
        break;
      case TrialState::kPlanned:
      case TrialState::kStopped:
        ++status.left;
    }
    status.trials.push_back(std::move(trial));
  }
  status.seconds_left = seconds_left(status);
  return status;
}

std::string status_text(const Status& status, double now) {
  std::string text =
      fmt::format("{}: {} trials, {} running, {} done, {} failed, {} left\n", status.study,
                  status.trials.size(), status.running, status.done, status.failed, status.left);
  if (status.running + status.left > 0)
    text += fmt::format("time left: {}\n", status.seconds_left
                                               ? "about " + duration_text(*status.seconds_left)
                                               : "unknown until an epoch is finished");
  for (const TrialStatus& trial : status.trials)
    if (trial.progress.state != TrialState::kDone && trial.progress.state != TrialState::kPlanned)
      text += line_of(trial, now);
  return text + ensembles_text(status.ensembles);
}

std::string status_json(const Status& status) {
  using Json = nlohmann::ordered_json;
  Json trials = Json::array();
  for (const TrialStatus& trial : status.trials)
    trials.push_back({{"trial", trial.identity},
                      {"name", trial.name},
                      {"state", name_of(trial.progress.state)},
                      {"detail", trial.progress.detail},
                      {"message", trial.progress.message},
                      {"epoch", trial.progress.epochs},
                      {"epochs", trial.epochs},
                      {"host", trial.progress.host},
                      {"last_heard", trial.progress.last_heard},
                      {"silent", trial.is_silent}});
  Json ensembles = Json::array();
  for (const EnsembleStatus& one : status.ensembles)
    ensembles.push_back({{"name", one.name},
                         {"state", one.is_done ? "done" : "pending"},
                         {"waits_for", one.waits_for}});
  const Json document{{"study", status.study},
                      {"running", status.running},
                      {"done", status.done},
                      {"failed", status.failed},
                      {"left", status.left},
                      {"seconds_left", status.seconds_left ? Json(*status.seconds_left) : Json()},
                      {"trials", std::move(trials)},
                      {"ensembles", std::move(ensembles)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace medsweep::results
