#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "datasets/data_pool.h"
#include "datasets/sampler.h"
#include "datasets/segmentation_dataset.h"
#include "datasets/split.h"
#include "runner/settings.h"
#include "runner/trial_model.h"
#include "runner/trial_report.h"

namespace medsweep::runner {

/// Samples to be evaluated together.
struct EvaluationSet {
  std::string split;    ///< "validation" or "test"
  std::string dataset;  ///< as [evaluate] datasets names it; empty: the trial's own
  std::shared_ptr<datasets::SegmentationDataset> samples;
};

/// The data of a trial: opened, divided, and dressed as its settings say.
struct TrialData {
  std::shared_ptr<datasets::DataPool> pool;
  datasets::Split split;  ///< positions in the pool
  std::shared_ptr<datasets::SegmentationDataset> train;
  std::vector<datasets::Share> shares;    ///< of the pool's files in `train`
  std::vector<EvaluationSet> validation;  ///< after epochs and at the end; empty or one
  std::vector<EvaluationSet> test;        ///< at the end only
  std::vector<std::string> classes;       ///< to learn
  DataShape shape;
  std::vector<std::string> notes;  ///< for the log: what was left out, what was copied where
};

/// [(depth,) height, width] as a study gives it; no pixels where it gives nothing.
datasets::Extent extent_from(const std::vector<std::int64_t>& sides);

/// What becomes of a stored sample on its way to the trial's network.
datasets::SampleOptions sample_options(const TrialSettings& settings);

/// Opens the data files and divides their samples; those without labels are left out. Throws what
/// the files and the split throw.
TrialData open_trial_data(const TrialSettings& settings);

/// What SplitRecord::split is called: a digest of the data files' paths, [split] and the fold.
std::string split_name(const TrialSettings& settings);

/// Writes into the journal which data files there are and who is in which part.
void record_split(const TrialData& data, const TrialSettings& settings, TrialReport& report);

}  // namespace medsweep::runner
