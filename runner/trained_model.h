#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "datasets/data_file.h"
#include "models/model.h"
#include "runner/settings.h"

namespace medsweep::runner {

/// A trial that was trained, and where its weights lie.
struct TrainedTrial {
  std::string study, name, identity;
  TrialSettings settings;
  std::filesystem::path weights;  ///< model.safetensors of a checkpoint
};

/// What `text` names: "STUDY/NAME" (with or without "trial:" before it), a finished trial of a
/// study in `runs`, with the checkpoint that it was evaluated with; or a path: the folder of a
/// trial (RUNS/STUDY/trials/IDENTITY), one of its checkpoints, or that checkpoint's
/// model.safetensors. Throws std::invalid_argument that says what is not there or not finished.
TrainedTrial trained_trial(const std::string& text, const std::vector<std::filesystem::path>& runs);

/// A trial's network with its weights and its preprocessing: colour mode, normalisation, size,
/// sliding window, threshold. Predicts in single precision.
class TrainedModel {
 public:
  /// Throws std::invalid_argument for a trial whose data file is gone where only that has the
  /// classes' names; std::runtime_error for damaged weights.
  explicit TrainedModel(TrainedTrial trial);

  /// What it says of an image [C, H, W] or volume [C, D, H, W] as stored in data files, at its own
  /// size. May be called from several threads at once. Throws
  /// std::invalid_argument for what its network does not take, and other numbers of channels.
  models::Prediction predict(const torch::Tensor& image) const;
  /// The same of a stored sample: values are normalised over its field of view where it has one.
  models::Prediction predict(const datasets::RawSample& sample) const;

  const TrainedTrial& trial() const { return trial_; }
  /// "lungs/unet+bn".
  std::string name() const;
  /// Whether its predictions are objects rather than label maps.
  bool finds_objects() const;
  /// Of label maps: label i is [i - 1]. Of several tasks, theirs behind each other.
  const std::vector<std::string>& classes() const { return classes_; }
  /// task -> the names of its labels 1, 2 ...; "segmentation" where the trial has no tasks.
  const std::map<std::string, std::vector<std::string>>& tasks() const { return tasks_; }

 private:
  TrainedTrial trial_;
  std::map<std::string, std::vector<std::string>> tasks_;
  std::vector<std::string> classes_;
  std::shared_ptr<models::Model> model_;
};

}  // namespace medsweep::runner
