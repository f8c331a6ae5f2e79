#pragma once

#include <map>
#include <string>
#include <vector>

#include "datasets/segmentation_dataset.h"
#include "models/model.h"
#include "runner/distributed/communicator.h"
#include "runner/metrics/summary.h"
#include "runner/prediction.h"

namespace medsweep::runner {

/// The numbers of an evaluation.
struct EvaluationScores {
  std::vector<CaseRows> cases{};            ///< one by one
  std::vector<SummaryRow> pooled{};         ///< of all together, and of none by itself
  std::map<std::string, double> overall{};  ///< metric -> its mean over cases and classes
};

/// The numbers of label maps.
EvaluationScores scores_of(const Summary& summary, const std::vector<std::string>& metrics);

/// Predicts all samples of a data set by a network that finds objects, and scores them task by
/// task: images by the metrics of found objects, cases (as in `evaluate`) by those of label maps,
/// where the data has label maps; the map is the union of what was found.
///
/// Cases go whole to one rank each; the result is the same on all ranks and for any number of them,
/// but for the seconds an image took. Collective; throws as `evaluate`.
EvaluationScores evaluate_objects(models::Model& model,
                                  const datasets::SegmentationDataset& dataset,
                                  const std::vector<std::string>& metrics, Communicator& group,
                                  const PredictionOptions& options);

/// The same of anybody's predictions.
EvaluationScores evaluate_objects(const Predictor& predictor,
                                  const datasets::SegmentationDataset& dataset,
                                  const std::vector<std::string>& metrics, Communicator& group);

}  // namespace medsweep::runner
