#pragma once

#include "models/attention/attention.h"
#include "runner/settings.h"

namespace medsweep::runner {

/// The attention that a study names, with its options; where it stands is the network's affair.
models::PlacedAttention placed_attention(const TrialSettings& settings);

}  // namespace medsweep::runner
