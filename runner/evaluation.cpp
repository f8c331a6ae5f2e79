#include "runner/evaluation.h"

#include <stdexcept>

#include "runner/group_error.h"
#include "runner/metrics/metrics.h"

namespace medsweep::runner {
namespace {

using datasets::EvaluationSample;
using datasets::SegmentationDataset;

CaseRows score_case(const Predictor& predictor, const SegmentationDataset& dataset,
                    const CaseSamples& scored, const std::vector<std::string>& metrics) {
  std::vector<EvaluationSample> samples;
  for (const std::int64_t index : scored.indices) samples.push_back(dataset.evaluate(index));
  check_slices(scored.name, samples, datasets::kSegmentation);
  const models::Predictions predictions = predictor(samples);
  const LabelTask task{datasets::kSegmentation, dataset.tasks().at(datasets::kSegmentation)};
  return {scored.name, evaluate_case(stack_case(scored.name, samples, predictions, task), metrics)};
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
  return evaluate([&](const auto& samples) { return predict(model, samples, options); }, dataset,
                  metrics, group);
}

}  // namespace medsweep::runner
