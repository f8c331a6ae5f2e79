#pragma once

#include <string>

#include "runner/settings.h"

namespace medsweep::runner {

/// The rules of runner/trial_rules.h that look at the trial's network. Those called refuse_ return
/// why it cannot be, or nothing; they throw std::invalid_argument for what the network refuses.

/// Whether batches share statistics somewhere in the network.
bool has_batch_normalization(const TrialSettings& settings);

/// The backbone, also where the study leaves it to the network; empty where it has none.
std::string backbone_name(const TrialSettings& settings);

/// Sizes that do not fit the network's depth or number of dimensions.
std::string refuse_extent(const TrialSettings& settings);

/// Batches that leave ranks, shards or normalisations without enough samples.
std::string refuse_batch(const TrialSettings& settings);

/// Options that the network, its attention or its losses refuse.
std::string refuse_model(const TrialSettings& settings);

}  // namespace medsweep::runner
