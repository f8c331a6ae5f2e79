#include "runner/evaluation.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "models/losses/pixels.h"
#include "runner/group_error.h"
#include "runner/metrics/metrics.h"

namespace medsweep::runner {
namespace {

using datasets::EvaluationSample;
using datasets::SegmentationDataset;

/// A case with what was said of it.
struct PredictedCase {
  std::string name;
  std::vector<EvaluationSample> samples;
  models::Predictions predictions;
  LabelTask task;
};

/// One of several classes that overlap, as a case of its own. region: its labels in the truth.
PredictedCase of_one_class(PredictedCase whole, std::size_t index,
                           const std::vector<std::int64_t>& region) {
  for (EvaluationSample& sample : whole.samples) {
    torch::Tensor& labels = sample.truth.at(whole.task.name).labels;
    const torch::Tensor inside = models::is_one_of(labels, region).to(labels.scalar_type());
    labels = torch::where(labels.eq(datasets::kIgnored), labels, inside);
  }
  for (models::Prediction& said : whole.predictions) {
    if (!said.class_maps.defined())
      throw std::invalid_argument(
          "[evaluation] classes overlap; predictions with a map of each are allowed");
    const auto at = static_cast<std::int64_t>(index);
    said.labels = said.class_maps[at];
    if (said.probabilities.defined())
      said.probabilities = said.probabilities.narrow(0, at, 1).contiguous();
  }
  whole.task.classes = {whole.task.classes[index]};
  return whole;
}

std::vector<MetricRow> case_rows(const PredictedCase& one,
                                 const std::vector<std::string>& metrics) {
  return evaluate_case(stack_case(one.name, one.samples, one.predictions, one.task), metrics);
}

CaseRows score_case(const Predictor& predictor, const SegmentationDataset& dataset,
                    const CaseSamples& scored, const std::vector<std::string>& metrics) {
  std::vector<EvaluationSample> samples;
  for (const std::int64_t index : scored.indices) samples.push_back(dataset.evaluate(index));
  check_slices(scored.name, samples, datasets::kSegmentation);
  const PredictedCase whole{scored.name,
                            samples,
                            predictor(samples),
                            {datasets::kSegmentation, dataset.tasks().at(datasets::kSegmentation)}};
  const auto& regions = dataset.regions();
  if (regions.empty()) return {scored.name, case_rows(whole, metrics)};
  CaseRows rows{scored.name, {}};
  for (std::size_t i = 0; i < regions.size(); ++i)
    std::ranges::move(case_rows(of_one_class(whole, i, regions[i]), metrics),
                      std::back_inserter(rows.rows));
  return rows;
}

}  // namespace

Summary evaluate(const Predictor& predictor, const SegmentationDataset& dataset,
                 const std::vector<std::string>& metrics, Communicator& group) {
  const std::vector<CaseSamples> cases = cases_of(dataset);
  const std::vector<int> rank_of = assign_cases(cases, group.size());
  Summary summary;
  on_all_ranks(group, [&] {
    if (!dataset.tasks().contains(datasets::kSegmentation))
      throw std::invalid_argument(
          "[evaluation] a data set of several tasks; the one task 'segmentation' is allowed");
    for (std::size_t i = 0; i < cases.size(); ++i)
      if (rank_of[i] == group.rank())
        summary.add(static_cast<std::int64_t>(i),
                    score_case(predictor, dataset, cases[i], metrics));
  });
  summary.merge(group);
  return summary;
}

Summary evaluate(models::Model& model, const SegmentationDataset& dataset,
                 const std::vector<std::string>& metrics, Communicator& group,
                 const PredictionOptions& options) {
  const Predictor predictor = [&](const auto& samples) { return predict(model, samples, options); };
  return evaluate(predictor, dataset, metrics, group);
}

}  // namespace medsweep::runner
