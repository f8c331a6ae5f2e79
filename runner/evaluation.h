#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/segmentation_dataset.h"
#include "models/model.h"
#include "runner/case_stack.h"
#include "runner/distributed/communicator.h"
#include "runner/metrics/summary.h"
#include "runner/prediction.h"

namespace medsweep::runner {

/// Predicts all samples of a data set and scores them case by case, at their own sizes.
///
/// A case is all samples with one SampleId::case_name; its slices are stacked at their positions,
/// and a position without a sample is not valid. What is datasets::kIgnored counts nowhere. Cases
/// are in the order of their first samples and go whole to one rank each, so that the result is
/// the same on all ranks and, to the bit, for any number of them.
///
/// Classes that overlap (SegmentationDataset::regions) are each scored by itself, by its map.
///
/// Collective over the group. Throws GroupError on all ranks: two slices of a case that share a
/// position or differ in size or spacing, an unknown metric, a sample that cannot be read, a data
/// set without the task datasets::kSegmentation. The text names the case.
Summary evaluate(models::Model& model, const datasets::SegmentationDataset& dataset,
                 const std::vector<std::string>& metrics, Communicator& group,
                 const PredictionOptions& options);

/// The same of anybody's predictions. Throws for classes that overlap without a map of each.
Summary evaluate(const Predictor& predictor, const datasets::SegmentationDataset& dataset,
                 const std::vector<std::string>& metrics, Communicator& group);

}  // namespace medsweep::runner
