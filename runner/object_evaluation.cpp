#include "runner/object_evaluation.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "runner/case_stack.h"
#include "runner/group_error.h"
#include "runner/metrics/all_metrics.h"
#include "runner/metrics/detection/detection_metrics.h"
#include "runner/metrics/detection/detection_summary.h"
#include "runner/metrics/detection/label_map.h"
#include "runner/metrics/metrics.h"

namespace medsweep::runner {
namespace {

using datasets::EvaluationSample;
using datasets::SegmentationDataset;

/// A sample with what was found in it.
struct JudgedSample {
  EvaluationSample sample;
  models::Prediction prediction;
  double seconds;
};

std::vector<std::string> metrics_of_kind(const std::vector<std::string>& metrics, bool detection) {
  std::vector<std::string> kept;
  for (const std::string& metric : metrics)
    if (is_detection_metric(metric) == detection) kept.push_back(metric);
  return kept;
}

std::vector<JudgedSample> judged(const Predictor& predictor, const SegmentationDataset& dataset,
                                 const CaseSamples& scored) {
  std::vector<JudgedSample> samples;
  for (const std::int64_t index : scored.indices) {
    EvaluationSample sample = dataset.evaluate(index);
    const auto start = std::chrono::steady_clock::now();
    models::Prediction prediction = predictor({sample}).front();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    samples.push_back({std::move(sample), std::move(prediction), seconds.count()});
  }
  return samples;
}

/// One behind the other; a metric of several parts is the mean over them.
EvaluationScores together(const std::vector<EvaluationScores>& parts) {
  EvaluationScores scores;
  std::map<std::string, double> counts;
  for (const EvaluationScores& part : parts) {
    scores.cases.insert(scores.cases.end(), part.cases.begin(), part.cases.end());
    scores.pooled.insert(scores.pooled.end(), part.pooled.begin(), part.pooled.end());
    for (const auto& [metric, value] : part.overall) {
      scores.overall[metric] += value;
      counts[metric] += 1;
    }
  }
  for (auto& [metric, value] : scores.overall) value /= counts.at(metric);
  return scores;
}

datasets::Extent stored_extent(const EvaluationSample& sample) { return sample.placement.original; }

/// One task's numbers of all samples.
class TaskScores {
 public:
  TaskScores(LabelTask task, const std::vector<std::string>& metrics, bool timed)
      : task_(std::move(task)),
        label_metrics_(metrics_of_kind(metrics, false)),
        detections_(metrics_of_kind(metrics, true), {}),
        timed_(timed) {}

  void add(std::int64_t position, const CaseSamples& scored,
           const std::vector<JudgedSample>& samples) {
    for (std::size_t i = 0; i < samples.size(); ++i)
      detections_.add(scored.indices[i], detection_case(samples[i]));
    const bool labelled = std::ranges::all_of(samples, [&](const JudgedSample& judged) {
      return judged.sample.truth.at(task_.name).labels.defined();
    });
    if (labelled && !label_metrics_.empty())
      labels_.add(position, {scored.name, label_rows(scored, samples)});
  }

  void merge(Communicator& group) {
    detections_.merge(group);
    labels_.merge(group);
  }

  EvaluationScores scores(const std::vector<std::string>& metrics) const {
    return together({scores_of(labels_, label_metrics_), object_scores(metrics)});
  }

 private:
  DetectionCase detection_case(const JudgedSample& judged) const {
    const auto found = judged.prediction.detections.find(task_.name);
    if (found == judged.prediction.detections.end())
      throw std::logic_error("[evaluation] a prediction without the task " + task_.name);
    DetectionCase image{judged.sample.sample.id.name,
                        task_.classes,
                        found->second,
                        judged.sample.truth.at(task_.name).instances,
                        stored_extent(judged.sample),
                        {}};
    if (timed_) image.seconds = judged.seconds;
    return image;
  }

  std::vector<MetricRow> label_rows(const CaseSamples& scored,
                                    const std::vector<JudgedSample>& judged) const {
    std::vector<EvaluationSample> samples;
    models::Predictions predictions;
    for (const JudgedSample& one : judged) {
      samples.push_back(one.sample);
      predictions.emplace_back();
      predictions.back().labels =
          label_map_of(one.prediction.detections.at(task_.name), stored_extent(one.sample));
    }
    check_slices(scored.name, samples, task_.name);
    return evaluate_case(stack_case(scored.name, samples, predictions, task_), label_metrics_);
  }

  EvaluationScores object_scores(const std::vector<std::string>& metrics) const {
    EvaluationScores scores{.cases = detections_.cases()};
    for (const SummaryRow& row : detections_.rows())
      if (detection_scope_of(row.metric) == DetectionScope::kPooled) scores.pooled.push_back(row);
    for (const std::string& metric : metrics_of_kind(metrics, true))
      if (const auto value = detections_.overall(metric)) scores.overall[metric] = *value;
    return scores;
  }

  LabelTask task_;
  std::vector<std::string> label_metrics_;
  DetectionSummary detections_;
  Summary labels_;
  bool timed_;
};

}  // namespace

EvaluationScores scores_of(const Summary& summary, const std::vector<std::string>& metrics) {
  EvaluationScores scores{.cases = summary.cases()};
  for (const SummaryRow& row : summary.rows())
    if (row.metric.ends_with("_pooled") || row.metric == "both_empty") scores.pooled.push_back(row);
  for (const std::string& metric : metrics)
    if (const auto value = summary.overall(metric)) scores.overall[metric] = *value;
  return scores;
}

EvaluationScores evaluate_objects(const Predictor& predictor, const SegmentationDataset& dataset,
                                  const std::vector<std::string>& metrics, Communicator& group) {
  const std::vector<CaseSamples> cases = cases_of(dataset);
  const std::vector<int> rank_of = assign_cases(cases, group.size());
  std::vector<TaskScores> tasks;
  for (const auto& [name, classes] : dataset.tasks())
    tasks.emplace_back(LabelTask{name, classes}, metrics, /*timed=*/tasks.empty());
  on_all_ranks(group, [&] {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (rank_of[i] != group.rank()) continue;
      const std::vector<JudgedSample> samples = judged(predictor, dataset, cases[i]);
      for (TaskScores& task : tasks) task.add(static_cast<std::int64_t>(i), cases[i], samples);
    }
  });
  std::vector<EvaluationScores> parts;
  for (TaskScores& task : tasks) {
    task.merge(group);
    parts.push_back(task.scores(metrics));
  }
  return together(parts);
}

EvaluationScores evaluate_objects(models::Model& model, const SegmentationDataset& dataset,
                                  const std::vector<std::string>& metrics, Communicator& group,
                                  const PredictionOptions& options) {
  return evaluate_objects([&](const auto& samples) { return predict(model, samples, options); },
                          dataset, metrics, group);
}

}  // namespace medsweep::runner
