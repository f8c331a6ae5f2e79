#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sweeps/trial.h"

namespace medsweep::runner {

/// A name out of a kind's table with its options, `{ name = "se", reduction = 8 }`.
struct Named {
  std::string name;
  nlohmann::json options = nlohmann::json::object();

  /// The option, or `otherwise` where the study does not give it.
  template <typename T>
  T get(const char* key, T otherwise) const {
    return options.value(key, otherwise);
  }
  /// An option that is itself a name out of a table.
  std::string name_of(const char* key, const std::string& otherwise) const;
};

/// One of the files that a trial learns from; several are pooled by weight.
struct DataSource {
  std::string file;
  double weight = 1;
};

/// [evaluate] of the study language.
struct EvaluateSettings {
  std::string checkpoint = "last";    ///< "last" or "best:METRIC"
  std::vector<std::string> datasets;  ///< test files independent of what was trained on
  std::int64_t every_epochs = 1;
};

/// Epochs in which the same layers are trained at the same base rate.
struct StageSettings {
  std::string layers = "all";  ///< a row of models::train_layers_rows()
  std::int64_t epochs = 1;
  std::optional<double> learning_rate;  ///< the optimizer's where not given
};

/// Every knob of a trial, typed. The fields are called as the study's keys; `runner list knobs`
/// says what each means.
struct TrialSettings {
  std::string name, identity;
  std::int64_t seed = 0, fold = -1;

  std::vector<DataSource> dataset;
  std::vector<std::string> classes;  ///< empty: all of the data's
  std::string color_mode, normalize;
  std::vector<Named> augmentation;  ///< applied in this order
  std::string resize;               ///< stretch | pad | none
  std::vector<std::int64_t> size;   ///< [H, W] of resize
  std::vector<std::int64_t> patch;  ///< [(D,) H, W]; empty: whole samples
  std::int64_t patches_per_image = 1;
  double foreground = 0, overlap = 0.5;
  bool mirror = false;                             ///< predictions are the mean over all mirrorings
  nlohmann::json split;                            ///< [split] as written
  nlohmann::json tasks = nlohmann::json::array();  ///< lists of classes
  std::vector<StageSettings> stages;               ///< at least one: train_layers for `epochs`
  std::string profile, objects;

  Named model, backbone, attention, feature_share;
  std::string train_layers, weights_stem;
  std::vector<std::string> weights_exclude;
  std::string activation, init, weights;
  std::vector<Named> loss;
  double threshold = 0.5;
  std::string threshold_on;  ///< probability | logit
  std::string batch_statistics, precision;
  bool channels_last = true;

  std::int64_t epochs = 1, batch_size = 1, micro_batch_size = 0, shards = 0;
  std::string last_batch, group_by;
  Named optimizer, schedule;
  double gradient_clip = 0;
  nlohmann::json early_stop;  ///< { metric, patience, minimum_delta }; empty: off
  std::vector<std::string> metrics;
  EvaluateSettings evaluate;

  double checkpoint_every = 600;  ///< seconds
  std::string stage = "auto", cache = "rank";
  double cache_gib = 1;
  std::int64_t keep_checkpoints = 1, workers = 1, threads = 0, ranks_per_trial = 1;
};

/// Reads a trial's canonical JSON. The study was checked whole before, so what does not fit is a
/// std::runtime_error.
TrialSettings read_settings(const sweeps::Trial& trial);

/// "1 epoch" or "5 epochs" as a number. Throws std::invalid_argument.
std::int64_t epochs_of(const std::string& text);

}  // namespace medsweep::runner
