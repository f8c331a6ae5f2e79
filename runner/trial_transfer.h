#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/model.h"
#include "runner/settings.h"

namespace medsweep::runner {

/// Whether `weights` is a word for files that torchvision publishes: "imagenet", "imagenet_v2",
/// "coco".
bool is_published(const std::string& weights);

/// The file of [trial] weights: itself, or the published one for the trial's network, which lies in
/// the folder MEDSWEEP_WEIGHTS. Throws std::invalid_argument that says what to download where.
std::filesystem::path weights_file(const TrialSettings& settings);

/// Copies the trial's weights into its network, as far as they fit (see load_into): of a network
/// that finds objects each task's part takes them. Returns lines for the log.
/// Throws what read_weights and load_into throw.
std::vector<std::string> load_weights(models::Model& model, const TrialSettings& settings);

}  // namespace medsweep::runner
