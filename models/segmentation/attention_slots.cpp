#include "models/segmentation/attention_slots.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace medsweep::models {
namespace {

constexpr const char* kBottleneckPlace = "bottleneck";

/// What a study may call a place.
std::vector<std::string> names_of_place(const std::string& place) {
  std::string kind = place.substr(0, place.find_first_of("0123456789"));
  if (kind == "skip") return {place, kind};
  return {place, kind, "all"};
}

}  // namespace

AttentionSlotsImpl::AttentionSlotsImpl(const NetworkOptions& options)
    : placed_(options.attention), wanted_(options.attention_places) {
  if (wanted_.empty()) wanted_.emplace_back("all");
}

void AttentionSlotsImpl::add(const std::string& place, std::int64_t channels) {
  const auto names = names_of_place(place);
  if (std::ranges::find_first_of(wanted_, names) == wanted_.end()) return;
  modules_[place] = register_module(place, placed_.make(channels));
}

void AttentionSlotsImpl::add_levels(const std::vector<std::int64_t>& encoder,
                                    const std::vector<std::int64_t>& decoder) {
  if (placed_.name == "none") return;
  bottleneck_ = std::ssize(decoder);
  check_attention_places(wanted_, bottleneck_ + 1);
  for (std::size_t level = 0; level < decoder.size(); ++level) {
    add(fmt::format("encoder{}", level), encoder[level]);
    add(fmt::format("skip{}", level), encoder[level]);
    add(fmt::format("decoder{}", level), decoder[level]);
  }
  add(kBottleneckPlace, encoder.back());
}

torch::Tensor AttentionSlotsImpl::at(const std::string& place, const torch::Tensor& features) {
  const auto found = modules_.find(place);
  return found == modules_.end() ? features : found->second->forward(features);
}

torch::Tensor AttentionSlotsImpl::after_encoder(std::int64_t level, const torch::Tensor& features) {
  return at(level == bottleneck_ ? kBottleneckPlace : fmt::format("encoder{}", level), features);
}

torch::Tensor AttentionSlotsImpl::on_skip(std::int64_t level, const torch::Tensor& features) {
  return at(fmt::format("skip{}", level), features);
}

torch::Tensor AttentionSlotsImpl::after_decoder(std::int64_t level, const torch::Tensor& features) {
  return at(fmt::format("decoder{}", level), features);
}

void check_attention_places(const std::vector<std::string>& places, std::int64_t depth) {
  std::set<std::string> known{kBottleneckPlace};
  for (std::int64_t level = 0; level + 1 < depth; ++level)
    for (const char* kind : {"encoder", "skip", "decoder"})
      for (const std::string& name : names_of_place(fmt::format("{}{}", kind, level)))
        known.insert(name);
  for (const std::string& place : places)
    if (!known.contains(place))
      throw std::invalid_argument(
          fmt::format("[attention.place] '{}'; {} are allowed", place, fmt::join(known, ", ")));
}

}  // namespace medsweep::models
