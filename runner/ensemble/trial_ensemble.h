#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runner/ensemble/combine_detections.h"
#include "runner/object_evaluation.h"
#include "runner/trained_model.h"

namespace medsweep::runner {

/// How trials are put together.
struct TrialEnsembleOptions {
  EnsembleMethod method = EnsembleMethod::kVote;
  std::int64_t minimum_votes = 0;  ///< for kVote; 0: more than half of the trials
  /// Unless given: of networks that find objects, many where the trials learn from `component`
  /// objects, or from `auto` and the data file stores objects; else one.
  std::optional<ObjectsPerClass> objects = {};
};

/// Samples that an ensemble is judged by.
struct JudgedSamples {
  std::shared_ptr<const datasets::DataPool> pool;  ///< as they are stored
  /// Their truth, dressed in any way.
  std::shared_ptr<const datasets::SegmentationDataset> samples;
};

/// Who judges: the ranks of a group share the cases.
struct JudgingSite {
  Communicator& group;
  std::function<bool()> stop_requested = {};  ///< asked on every rank before each sample
};

/// Several predictions of one image -> one, task by task: combine_detections.h where objects were
/// found, else combine_labels.h, class by class where they overlap (class_maps). Of kMean
/// probabilities are the mean; of the others there are none. classes: of the label maps. Throws as
/// these, and std::invalid_argument for label maps beside objects.
models::Prediction combined(const std::vector<models::Prediction>& predictions,
                            const datasets::Extent& image, std::int64_t classes,
                            const TrialEnsembleOptions& options);

/// Trained trials that judge an image together.
class TrialEnsemble {
 public:
  /// Throws std::invalid_argument for no trials, one twice, trials of other tasks or classes than
  /// the first's, networks that find objects beside others, and votes that cannot be had.
  TrialEnsemble(const std::vector<TrainedTrial>& trials, const TrialEnsembleOptions& options);

  /// Every labelled sample of a data file. Throws std::invalid_argument for a file that lacks a
  /// class or has no labels, and what the file throws.
  JudgedSamples labelled_samples(const std::filesystem::path& data) const;

  /// Predicts the samples and scores them as a finished trial's (finished_metrics of the first
  /// trial). Collective: the same on all ranks and, but for seconds, for any number of them. Throws
  /// GroupError on all ranks, as the evaluations and where a stop was requested on any of them.
  EvaluationScores evaluate(const JudgedSamples& judged, const JudgingSite& site) const;

  const std::vector<std::unique_ptr<TrainedModel>>& members() const { return members_; }
  /// As asked, or more than half.
  std::int64_t votes() const { return votes_; }
  const TrialEnsembleOptions& options() const { return options_; }

 private:
  std::vector<std::unique_ptr<TrainedModel>> members_;
  TrialEnsembleOptions options_;
  std::int64_t votes_;
};

}  // namespace medsweep::runner
