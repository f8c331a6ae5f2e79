#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/segmentation/segmentation_model.h"
#include "runner/settings.h"

namespace medsweep::runner {

/// What of its data a network's shape depends on.
struct DataShape {
  std::int64_t channels = 3;                         ///< after the colour mode
  std::int64_t classes = 1;                          ///< to learn, without the background
  std::vector<std::vector<std::int64_t>> regions{};  ///< SegmentationDataset::regions
};

/// `activation`, with "auto" resolved: sigmoid where a loss is bce.
models::Activation activation_of(const TrialSettings& settings);

/// 2: the trial's network takes images, 3: volumes.
std::int64_t dimensions_of(const TrialSettings& settings);

/// The model's options as the trial's settings say. `precision` must be resolved, not "auto".
models::SegmentationModelOptions model_options(const TrialSettings& settings,
                                               const DataShape& shape);

/// The trial's model with its initial weights, which depend on the seed alone.
std::shared_ptr<models::Model> make_model(const TrialSettings& settings, const DataShape& shape);

}  // namespace medsweep::runner
