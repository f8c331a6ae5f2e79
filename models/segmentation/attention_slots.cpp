#include "models/segmentation/attention_slots.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "models/attention/split_attention.h"

namespace medsweep::models {
namespace {

constexpr const char* kBottleneckPlace = "bottleneck";

/// A place with the maps that the network has there.
struct Place {
  std::string name;
  std::int64_t level, channels;
  std::int64_t gating = 0;    ///< of a skip: channels of the decoder's features below
  std::int64_t halvings = 0;  ///< of its sides
};

/// What a study may call a place.
std::vector<std::string> names_of_place(const std::string& place) {
  std::string kind = place.substr(0, place.find_first_of("0123456789"));
  if (kind == "skip") return {place, kind};
  return {place, kind, "all"};
}

bool is_among(const std::vector<std::string>& wanted, const std::string& place) {
  const auto names = names_of_place(place);
  return std::ranges::find_first_of(wanted, names) != wanted.end();
}

/// The places that a network has for a role.
std::vector<Place> places_of(const NetworkShape& shape, AttentionRole role) {
  std::vector<Place> places;
  if (shape.encoder.empty()) return places;
  for (std::int64_t level = 0; level < std::ssize(shape.decoder); ++level) {
    const auto at = static_cast<std::size_t>(level);
    const std::int64_t gating =
        at + 1 < shape.decoder.size() ? shape.decoder[at + 1] : shape.decoder_start;
    places.push_back({fmt::format("encoder{}", level), level, shape.encoder[at]});
    places.push_back({fmt::format("skip{}", level), level, shape.skip[at], gating});
    places.push_back({fmt::format("decoder{}", level), level, shape.decoder[at]});
  }
  places.push_back({kBottleneckPlace, std::ssize(shape.decoder), shape.encoder.back()});
  for (Place& place : places)
    place.halvings = shape.halvings.empty()
                         ? place.level
                         : shape.halvings.at(static_cast<std::size_t>(place.level));
  std::erase_if(places, [role](const Place& place) {
    const bool is_skip = place.name.starts_with("skip");
    return place.channels == 0 || (role == AttentionRole::kGate && place.gating == 0) ||
           (role == AttentionRole::kBlock && is_skip);
  });
  return places;
}

/// Throws for a row that has no place at all in a network of such dimensions.
AttentionRole placed_role(std::string_view name, std::int64_t dimensions) {
  const AttentionRole role = attention_traits(name).role;
  if (role == AttentionRole::kModule)
    check_stands_alone(name, dimensions);
  else
    check_dimensions(name, dimensions);
  return role;
}

std::vector<std::string> wanted_places(const NetworkOptions& options, AttentionRole role) {
  if (!options.attention_places.empty()) return options.attention_places;
  if (role == AttentionRole::kGate) return {"skip"};
  if (role == AttentionRole::kInput || role == AttentionRole::kOutput)
    return {std::string(name_of(role))};
  return {"all"};
}

/// Throws for a place that such a network does not have for the role.
void check_places(const std::vector<std::string>& places, AttentionRole role,
                  const NetworkShape& shape) {
  std::set<std::string> known;
  if (role == AttentionRole::kInput || role == AttentionRole::kOutput)
    known.insert(std::string(name_of(role)));
  else
    for (const Place& place : places_of(shape, role))
      for (const std::string& name : names_of_place(place.name)) known.insert(name);
  if (known.empty() ||
      (role == AttentionRole::kBlock && shape.blocks == NetworkShape::Blocks::kFixed))
    throw std::invalid_argument(fmt::format(
        "[attention] a {} in a network that has no place for it; unet has", name_of(role)));
  for (const std::string& place : places)
    if (!known.contains(place))
      throw std::invalid_argument(
          fmt::format("[attention.place] '{}'; {} are allowed", place, fmt::join(known, ", ")));
}

PlacedMaps maps_at(const Place& place, std::int64_t dimensions, std::int64_t patch_slices) {
  if (dimensions == 2) return {place.channels, dimensions};
  return {place.channels, dimensions, patch_slices >> place.halvings, patch_slices};
}

AttentionGate make_gate(const AttentionOptions& options, const Place& place,
                        std::int64_t dimensions) {
  const std::int64_t reduction = std::max<std::int64_t>(1, options.reduction);
  return AttentionGate(AttentionGateOptions{
      place.channels, place.gating, std::max<std::int64_t>(1, place.channels / reduction),
      dimensions, options.normalization, options.batch_statistics});
}

}  // namespace

AttentionSlotsImpl::AttentionSlotsImpl(const NetworkOptions& options, std::int64_t dimensions)
    : placed_(options.attention),
      dimensions_(dimensions),
      patch_slices_(options.patch_slices),
      role_(placed_role(options.attention.name, dimensions)),
      wanted_(wanted_places(options, role_)) {}

bool AttentionSlotsImpl::replaces(const std::string& place) const {
  return role_ == AttentionRole::kBlock && is_among(wanted_, place);
}

void AttentionSlotsImpl::add_levels(const NetworkShape& shape) {
  if (placed_.name == "none") return;
  bottleneck_ = std::ssize(shape.decoder);
  check_places(wanted_, role_, shape);
  if (role_ != AttentionRole::kModule && role_ != AttentionRole::kGate) return;
  for (const Place& place : places_of(shape, role_)) {
    if (!is_among(wanted_, place.name)) continue;
    if (role_ == AttentionRole::kGate)
      gates_.emplace(place.name,
                     register_module(place.name, make_gate(placed_.options, place, dimensions_)));
    else
      modules_[place.name] =
          register_module(place.name, placed_.make(maps_at(place, dimensions_, patch_slices_)));
  }
}

torch::Tensor AttentionSlotsImpl::at(const std::string& place, const torch::Tensor& features) {
  const auto found = modules_.find(place);
  return found == modules_.end() ? features : found->second->forward(features);
}

torch::Tensor AttentionSlotsImpl::after_encoder(std::int64_t level, const torch::Tensor& features) {
  return at(level == bottleneck_ ? kBottleneckPlace : fmt::format("encoder{}", level), features);
}

torch::Tensor AttentionSlotsImpl::on_skip(std::int64_t level, const torch::Tensor& features,
                                          const torch::Tensor& gating) {
  const std::string place = fmt::format("skip{}", level);
  const auto gate = gates_.find(place);
  return gate == gates_.end() ? at(place, features) : gate->second->forward(features, gating);
}

torch::Tensor AttentionSlotsImpl::after_decoder(std::int64_t level, const torch::Tensor& features) {
  return at(fmt::format("decoder{}", level), features);
}

void check_attention_fits(const NetworkOptions& options, const NetworkShape& shape) {
  const PlacedAttention& attention = options.attention;
  const AttentionRole role = placed_role(attention.name, shape.dimensions);
  if (attention.name == "none") return;
  const auto wanted = wanted_places(options, role);
  check_places(wanted, role, shape);
  if (role == AttentionRole::kInput || role == AttentionRole::kOutput) return;
  auto places = places_of(shape, role);
  std::erase_if(places, [&](const Place& place) { return !is_among(wanted, place.name); });
  Place hardest = *std::ranges::min_element(places, {}, &Place::channels);
  hardest.halvings = std::ranges::max_element(places, {}, &Place::halvings)->halvings;
  if (role == AttentionRole::kGate)
    make_gate(attention.options, hardest, shape.dimensions);
  else if (role == AttentionRole::kModule)
    attention.make(maps_at(hardest, shape.dimensions, options.patch_slices));
  else
    SplitAttention(
        SplitAttentionOptions{hardest.channels, hardest.channels, attention.options.radix});
}

}  // namespace medsweep::models
