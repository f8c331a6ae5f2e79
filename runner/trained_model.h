#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/data_file.h"
#include "models/model.h"
#include "runner/settings.h"

namespace medsweep::runner {

/// A segmentation trial that was trained, and where its weights lie.
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
  /// Throws std::invalid_argument for a trial whose data file is gone (it has the classes' names),
  /// of volumes, or of other images than grey or RGB; std::runtime_error for damaged weights.
  explicit TrainedModel(TrainedTrial trial);

  /// What it says of an image [1, H, W], grey, as stored in data files, at the image's own size.
  /// May be called from several threads at once.
  models::Prediction predict(const torch::Tensor& image) const;

  const TrainedTrial& trial() const { return trial_; }
  const std::vector<std::string>& classes() const { return classes_; }  ///< label i: [i - 1]

 private:
  TrainedTrial trial_;
  std::vector<std::string> classes_;
  std::shared_ptr<models::Model> model_;
};

}  // namespace medsweep::runner
