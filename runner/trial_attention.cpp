#include "runner/trial_attention.h"

namespace medsweep::runner {

models::PlacedAttention placed_attention(const TrialSettings& settings) {
  const Named& attention = settings.attention;
  models::PlacedAttention placed{.name = attention.name};
  placed.options.heads = attention.get("heads", placed.options.heads);
  placed.options.clip_distance = attention.get("clip_distance", placed.options.clip_distance);
  placed.options.reduction = attention.get("reduction", placed.options.reduction);
  placed.options.kernel_size = attention.get("kernel_size", placed.options.kernel_size);
  if (attention.get<std::string>("join", "max") == "add")
    placed.options.join = models::GateJoin::kAdd;
  placed.options.batch_statistics = models::batch_statistics_of(settings.batch_statistics);
  return placed;
}

}  // namespace medsweep::runner
