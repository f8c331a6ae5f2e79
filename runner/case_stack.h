#pragma once

#include <string>
#include <vector>

#include "datasets/segmentation_dataset.h"
#include "models/model.h"
#include "runner/metrics/case.h"

namespace medsweep::runner {

/// The samples of one case by their slices.
struct CaseSamples {
  std::string name;
  std::vector<std::int64_t> indices;  ///< in the data set
};

/// In the order of their first samples.
std::vector<CaseSamples> cases_of(const datasets::SegmentationDataset& dataset);

/// Which rank takes which case: the largest first, each to the rank with the least so far.
std::vector<int> assign_cases(const std::vector<std::int64_t>& sizes, int ranks);
std::vector<int> assign_cases(const std::vector<CaseSamples>& cases, int ranks);

/// One task's label maps of a case: what they are called.
struct LabelTask {
  std::string name;                  ///< of EvaluationSample::truth
  std::vector<std::string> classes;  ///< without the background
};

/// Throws std::runtime_error that names the case where its slices do not lie on one grid.
void check_slices(const std::string& name, const std::vector<datasets::EvaluationSample>& samples,
                  const std::string& task);

/// A volume, or slices with a prediction, stacked at their positions; what no slice covers is not
/// valid, nor is datasets::kIgnored. predictions: one a sample; without probabilities the case has
/// none. Throws std::runtime_error that names the case for two samples of one position.
Case stack_case(const std::string& name, const std::vector<datasets::EvaluationSample>& samples,
                const models::Predictions& predictions, const LabelTask& task);

}  // namespace medsweep::runner
