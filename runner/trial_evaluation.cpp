#include "runner/trial_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "runner/evaluation.h"
#include "runner/metrics/all_metrics.h"
#include "runner/metrics/detection/detection_metrics.h"
#include "runner/metrics/metrics.h"
#include "runner/object_evaluation.h"
#include "runner/trial_prediction.h"
#include "runner/trial_rcnn.h"

namespace medsweep::runner {
namespace {

Spacing spacing_of(const Training& training) {
  const bool known =
      std::ranges::all_of(training.data.pool->samples(),
                          [](const datasets::SampleId& id) { return !id.spacing.empty(); });
  return known ? Spacing::kKnown : Spacing::kUnknown;
}

/// The metric of "best:dice", or nothing.
std::string best_metric(const TrialSettings& settings) {
  const std::string& checkpoint = settings.evaluate.checkpoint;
  return checkpoint.starts_with("best:") ? checkpoint.substr(5) : std::string();
}

std::vector<std::string> metrics_within_training(const Training& training) {
  std::vector<std::string> metrics{"dice", "iou"};
  if (finds_objects(training.settings))
    metrics.insert(metrics.end(), {"mask_iou", "mask_ap50", "box_ap50"});
  for (const std::string& observed :
       {best_metric(training.settings), training.settings.early_stop.value("metric", std::string()),
        training.settings.schedule.get("metric", std::string())})
    if (!observed.empty() && observed != "loss" &&
        std::ranges::find(metrics, observed) == metrics.end())
      metrics.push_back(observed);
  return metrics;
}

void record_cases(Training& training, const EvaluationSet& set, const EvaluationScores& scores) {
  std::vector<results::ValueRecord> values;
  results::ValueRecord value{.trial = training.settings.identity,
                             .split = set.split,
                             .dataset = set.dataset,
                             .epoch = training.state.epoch,
                             .step = training.state.step,
                             .sample = {},
                             .class_name = {},
                             .metric = {},
                             .value = {}};
  const auto add = [&](const auto& row) {
    value.class_name = row.class_name;
    value.metric = row.metric;
    value.value = row.value;
    values.push_back(value);
  };
  for (const CaseRows& rows : scores.cases) {
    value.sample = rows.name;
    for (const MetricRow& row : rows.rows) add(row);
  }
  value.sample.clear();  // pooled over all cases
  for (const SummaryRow& row : scores.pooled) add(row);
  training.context.report.append_all(values);
}

EvaluationScores evaluate_set(Training& training, const EvaluationSet& set,
                              const std::vector<std::string>& metrics) {
  const TrialSettings& settings = training.settings;
  PredictionOptions options = prediction_options(settings);
  options.batch_size = std::max<std::int64_t>(settings.batch_size / settings.ranks_per_trial, 1);
  options.stop_requested = training.context.stop_requested;
  Communicator& group = training.context.group;
  EvaluationScores scores =
      finds_objects(training.settings)
          ? evaluate_objects(*training.model, *set.samples, metrics, group, options)
          : scores_of(evaluate(*training.model, *set.samples, metrics, group, options), metrics);
  record_cases(training, set, scores);
  return scores;
}

/// The mean Dice of each class over the cases; NaN where none defines it.
std::vector<double> mean_dice(const EvaluationScores& scores,
                              const std::vector<std::string>& classes) {
  std::vector<double> means;
  for (const std::string& class_name : classes) {
    double sum = 0, cases = 0;
    for (const CaseRows& scored : scores.cases)
      for (const MetricRow& row : scored.rows)
        if (row.metric == "dice" && row.class_name == class_name && row.value)
          sum += *row.value, ++cases;
    means.push_back(cases > 0 ? sum / cases : std::numeric_limits<double>::quiet_NaN());
  }
  return means;
}

}  // namespace

std::vector<std::string> finished_metrics(const TrialSettings& settings, Spacing spacing) {
  if (!settings.metrics.empty()) return settings.metrics;
  if (!finds_objects(settings)) return offered_metrics(spacing);
  const bool masks = settings.model.name != "faster_rcnn";
  std::vector<std::string> metrics =
      offered_detection_metrics(masks ? DetectionRegions::kMasks : DetectionRegions::kBoxes);
  for (const char* metric : {"dice", "iou"}) metrics.emplace_back(metric);
  return metrics;
}

EpochScores evaluate_epoch(Training& training) {
  std::vector<EvaluationScores> sets;
  const std::vector<std::string> metrics = metrics_within_training(training);
  for (const EvaluationSet& set : training.data.validation)
    sets.push_back(evaluate_set(training, set, metrics));
  // Only now: a stop between two sets is to leave nothing behind.
  EpochScores scores;
  for (const EvaluationScores& found : sets) {
    scores.insert(found.overall.begin(), found.overall.end());
    training.model->observe_dice(mean_dice(found, training.data.classes));
  }
  return scores;
}

void evaluate_finished(Training& training) {
  const std::vector<std::string> metrics =
      finished_metrics(training.settings, spacing_of(training));
  for (const auto* sets : {&training.data.validation, &training.data.test})
    for (const EvaluationSet& set : *sets) evaluate_set(training, set, metrics);
}

void observe_scores(Training& training, const EpochScores& scores) {
  const auto score = [&](const std::string& metric) {
    const auto found = scores.find(metric);
    return found == scores.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
  };
  if (training.schedule->observes())
    training.schedule->observe(
        score(training.settings.schedule.get("metric", std::string("loss"))));
  if (!training.settings.early_stop.empty())
    training.early_stop.observe(
        score(training.settings.early_stop.value("metric", std::string("dice"))));
  const std::string metric = best_metric(training.settings);
  const double value = score(metric);
  if (metric.empty() || std::isnan(value)) return;
  const double sign = direction_of_any(metric) == Direction::kHigher ? 1 : -1;
  auto& best = training.state.best;
  if (!best || sign * value > sign * best->value)
    best = BestSoFar{metric, value, training.state.epoch, training.state.step};
}

std::string remark_of(const EpochScores& scores) {
  const auto dice = scores.find("dice");
  return dice == scores.end() ? std::string() : fmt::format("dice {:.4f}", dice->second);
}

}  // namespace medsweep::runner
