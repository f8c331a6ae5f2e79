#include "runner/trial_attention.h"

#include <string>

namespace medsweep::runner {
namespace {

models::Pooling pooling_of(const Named& attention, const char* key) {
  const auto name = attention.get<std::string>(key, "avg");
  if (name == "max") return models::Pooling::kMaximum;
  return name == "avg" ? models::Pooling::kAverage : models::Pooling::kAverageAndMaximum;
}

void read_slices(const Named& attention, models::AttentionOptions& options) {
  options.slice_reduction = attention.get("slice_reduction", options.slice_reduction);
  options.channel_reduction = attention.get("channel_reduction", options.channel_reduction);
  options.slice_pooling = pooling_of(attention, "slice_pooling");
  options.channel_pooling = pooling_of(attention, "channel_pooling");
  if (attention.get("detach_squeeze", false)) options.squeeze = models::SqueezeGradient::kDetached;
}

}  // namespace

models::PlacedAttention placed_attention(const TrialSettings& settings) {
  const Named& attention = settings.attention;
  models::PlacedAttention placed{.name = attention.name};
  placed.options.heads = attention.get("heads", placed.options.heads);
  placed.options.clip_distance = attention.get("clip_distance", placed.options.clip_distance);
  placed.options.reduction = attention.get("reduction", placed.options.reduction);
  placed.options.kernel_size = attention.get("kernel_size", placed.options.kernel_size);
  if (attention.get<std::string>("join", "max") == "add")
    placed.options.join = models::GateJoin::kAdd;
  if (attention.get<std::string>("projection", "sum") == "mean_prelu")
    placed.options.projection = models::ProjectionFlavor::kMeanPrelu;
  placed.options.normalization = attention.get("normalization", placed.options.normalization);
  placed.options.radix = attention.get("radix", placed.options.radix);
  if (attention.get("align_corners", false)) placed.options.corners = models::GridCorners::kCenters;
  placed.options.weight = attention.get("weight", placed.options.weight);
  read_slices(attention, placed.options);
  placed.options.batch_statistics = models::batch_statistics_of(settings.batch_statistics);
  return placed;
}

}  // namespace medsweep::runner
