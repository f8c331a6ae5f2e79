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

/// Who predicts, and by what probabilities of classes that overlap become maps.
struct Judged {
  const Predictor& predictor;
  const std::vector<std::string>& metrics;
  const models::Model* model = nullptr;  ///< null: nobody's, and nothing may overlap
};

/// A case with what was said of it.
struct PredictedCase {
  std::string name;
  std::vector<EvaluationSample> samples;
  models::Predictions predictions;
  LabelTask task;
};

/// One of several classes that overlap, as a case of its own. region: its labels in the truth.
PredictedCase of_one_class(PredictedCase whole, std::size_t index,
                           const std::vector<std::int64_t>& region, const models::Model& model) {
  for (EvaluationSample& sample : whole.samples) {
    torch::Tensor& labels = sample.truth.at(whole.task.name).labels;
    const torch::Tensor inside = models::is_one_of(labels, region).to(labels.scalar_type());
    labels = torch::where(labels.eq(datasets::kIgnored), labels, inside);
  }
  for (models::Prediction& said : whole.predictions) {
    said.probabilities =
        said.probabilities.narrow(0, static_cast<std::int64_t>(index), 1).contiguous();
    said.labels = model.label_map(said.probabilities);
  }
  whole.task.classes = {whole.task.classes[index]};
  return whole;
}

std::vector<MetricRow> case_rows(const PredictedCase& one,
                                 const std::vector<std::string>& metrics) {
  return evaluate_case(stack_case(one.name, one.samples, one.predictions, one.task), metrics);
}

CaseRows score_case(const Judged& judged, const SegmentationDataset& dataset,
                    const CaseSamples& scored) {
  std::vector<EvaluationSample> samples;
  for (const std::int64_t index : scored.indices) samples.push_back(dataset.evaluate(index));
  check_slices(scored.name, samples, datasets::kSegmentation);
  const PredictedCase whole{scored.name,
                            samples,
                            judged.predictor(samples),
                            {datasets::kSegmentation, dataset.tasks().at(datasets::kSegmentation)}};
  const auto& regions = dataset.regions();
  if (regions.empty()) return {scored.name, case_rows(whole, judged.metrics)};
  CaseRows rows{scored.name, {}};
  for (std::size_t i = 0; i < regions.size(); ++i)
    std::ranges::move(case_rows(of_one_class(whole, i, regions[i], *judged.model), judged.metrics),
                      std::back_inserter(rows.rows));
  return rows;
}

Summary evaluate_judged(const Judged& judged, const SegmentationDataset& dataset,
                        Communicator& group) {
  const std::vector<CaseSamples> cases = cases_of(dataset);
  const std::vector<int> rank_of = assign_cases(cases, group.size());
  Summary summary;
  on_all_ranks(group, [&] {
    if (!dataset.tasks().contains(datasets::kSegmentation))
      throw std::invalid_argument(
          "[evaluation] a data set of several tasks; the one task 'segmentation' is allowed");
    if (!dataset.regions().empty() && judged.model == nullptr)
      throw std::invalid_argument(
          "[ensemble] trials whose classes overlap come in a later version; leave them out");
    for (std::size_t i = 0; i < cases.size(); ++i)
      if (rank_of[i] == group.rank())
        summary.add(static_cast<std::int64_t>(i), score_case(judged, dataset, cases[i]));
  });
  summary.merge(group);
  return summary;
}

}  // namespace

Summary evaluate(const Predictor& predictor, const SegmentationDataset& dataset,
                 const std::vector<std::string>& metrics, Communicator& group) {
  return evaluate_judged({predictor, metrics}, dataset, group);
}

Summary evaluate(models::Model& model, const SegmentationDataset& dataset,
                 const std::vector<std::string>& metrics, Communicator& group,
                 const PredictionOptions& options) {
  const Predictor predictor = [&](const auto& samples) { return predict(model, samples, options); };
  return evaluate_judged({predictor, metrics, &model}, dataset, group);
}

}  // namespace medsweep::runner
