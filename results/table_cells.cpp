#include "results/table_cells.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace medsweep::results {
namespace {

double mean_of(const std::vector<double>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0.0) / static_cast<double>(numbers.size());
}

std::optional<double> spread_of(const std::vector<double>& numbers) {
  if (numbers.size() < 2) return std::nullopt;
  const double mean = mean_of(numbers);
  double squares = 0;
  for (const double number : numbers) squares += (number - mean) * (number - mean);
  return std::sqrt(squares / static_cast<double>(numbers.size() - 1));
}

// Counts the trial under its state; true when it is finished.
bool count_state(const TrialProgress& progress, Cell& cell) {
  switch (progress.state) {
    case TrialState::kPlanned:
      ++cell.planned;
      return false;
    case TrialState::kRunning:
      ++cell.running;
      return false;
    case TrialState::kStopped:
      ++cell.stopped;
      return false;
    case TrialState::kFailed:
      ++cell.failed;
      cell.failure = progress.detail;
      return false;
    case TrialState::kDone:
      ++cell.done;
  }
  return true;
}

}  // namespace

/// What is gathered while the trials of a cell are gone through.
struct CellMaker::Behind {
  std::set<std::int64_t> seeds, folds;
  std::vector<double> of_trials;
  std::map<std::string, std::vector<double>> of_cases;
};

std::optional<double> mean_over_cases_and_classes(const std::vector<Value>& values) {
  std::map<std::string, std::vector<double>> classes;
  for (const Value& value : values)
    if (value.value) classes[value.class_name].push_back(*value.value);
  if (classes.empty()) return std::nullopt;
  std::vector<double> means;
  for (const auto& [name, numbers] : classes) means.push_back(mean_of(numbers));
  return mean_of(means);
}

CellMaker::CellMaker(const TableSpec& spec, const std::vector<PlannedTrial>& trials,
                     const Index& index, const ValueQuery& query)
    : spec_(spec) {
  for (const PlannedTrial& trial : trials) {
    const TrialProgress progress = index.progress(trial.identity);
    if (progress.state == TrialState::kDone)
      values_[trial.identity] = index.values(trial.identity, query);
    progress_[trial.identity] = progress;
  }
}

std::vector<std::string> CellMaker::classes(const std::vector<std::string>& allowed) const {
  if (!allowed.empty()) return allowed;
  std::set<std::string> seen;
  for (const auto& [trial, values] : values_)
    for (const Value& value : values)
      if (!value.class_name.empty()) seen.insert(value.class_name);
  if (seen.empty()) seen.insert("");
  return {seen.begin(), seen.end()};
}

void CellMaker::add(const PlannedTrial& trial, const std::string& metric,
                    const std::vector<std::string>& classes, Cell& cell, Behind& behind) const {
  cell.trials.push_back(trial.identity);
  if (!count_state(progress_.at(trial.identity), cell)) return;
  behind.seeds.insert(trial.seed);
  if (trial.fold >= 0) behind.folds.insert(trial.fold);
  std::vector<Value> chosen;
  for (const Value& value : values_.at(trial.identity)) {
    const bool fits = classes.empty() || value.class_name.empty() ||
                      std::ranges::find(classes, value.class_name) != classes.end();
    if (value.metric == metric && fits) chosen.push_back(value);
  }
  std::map<std::string, std::vector<double>> cases;
  for (const Value& value : chosen) {
    if (value.value)
      cases[value.sample].push_back(*value.value);
    else
      ++cell.undefined;
  }
  for (const auto& [name, numbers] : cases) behind.of_cases[name].push_back(mean_of(numbers));
  if (const auto number = mean_over_cases_and_classes(chosen)) behind.of_trials.push_back(*number);
}

Cell CellMaker::make(const std::vector<PlannedTrial>& trials, const std::string& metric,
                     const std::vector<std::string>& classes) const {
  Cell cell;
  Behind behind;
  for (const PlannedTrial& trial : trials) add(trial, metric, classes, cell, behind);
  cell.seeds = static_cast<std::int64_t>(behind.seeds.size());
  cell.folds = static_cast<std::int64_t>(behind.folds.size());
  cell.cases = static_cast<std::int64_t>(behind.of_cases.size());
  std::vector<double> numbers = std::move(behind.of_trials);
  if (spec_.layout == TableLayout::kCases) {
    numbers.clear();
    for (const auto& [name, of_case] : behind.of_cases) numbers.push_back(mean_of(of_case));
  }
  if (numbers.empty()) return cell;
  cell.mean = mean_of(numbers);
  cell.spread = spread_of(numbers);
  cell.smallest = std::ranges::min(numbers);
  cell.largest = std::ranges::max(numbers);
  return cell;
}

}  // namespace medsweep::results
