#include "sweeps/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <stdexcept>

#include "base/digest.h"

namespace medsweep::sweeps {
namespace {

constexpr std::size_t kDigits = 16;

bool is_in(const std::vector<std::string>& keys, std::string_view key) {
  return std::ranges::find(keys, key) != keys.end();
}

}  // namespace

IdentityMaker::IdentityMaker(const Schema& schema, const SettingBook& book)
    : schema_(schema), book_(book), sorted_(book.size()) {
  std::iota(sorted_.begin(), sorted_.end(), std::size_t{0});
  std::ranges::sort(sorted_, {}, [&](std::size_t knob) { return book.knob(knob).key; });
}

std::string IdentityMaker::knobs(const State& state) const {
  std::string out = "{";
  for (const std::size_t knob : sorted_) {
    if (state[knob] == nullptr) continue;
    if (out.size() > 1) out += ',';
    out.append("\"").append(book_.knob(knob).key).append("\":").append(state[knob]->json);
  }
  return out += '}';
}

const std::vector<std::string>& IdentityMaker::without_effect(const State& state) {
  State settings = state;
  settings[*book_.find("seed")] = settings[*book_.find("fold")] = nullptr;
  if (settings == last_) return idle_;
  last_ = std::move(settings);
  idle_ =
      schema_.without_effect ? schema_.without_effect(knobs(state)) : std::vector<std::string>{};
  idle_options_text_.clear();
  return idle_;
}

const std::string& IdentityMaker::setting_text(const Setting& setting) {
  const std::string prefix = std::string(book_.knob(setting.knob).key) + ".";
  const bool whole =
      std::ranges::none_of(idle_, [&](const std::string& key) { return key.starts_with(prefix); });
  if (whole) return setting.identity_json;
  const auto [place, is_new] = idle_options_text_.try_emplace(&setting);
  if (!is_new) return place->second;
  Value left = setting.checked.full;
  if (left.table())
    std::erase_if(std::get<Table>(left.data),
                  [&](const Member& member) { return is_in(idle_, prefix + member.key); });
  place->second = canonical_json(left);
  return place->second;
}

std::string IdentityMaker::text(const State& state, bool without_epochs) {
  std::string out = "medsweep trial 1\n";
  for (const std::size_t knob : sorted_) {
    const Knob& one = book_.knob(knob);
    const bool left_out = state[knob] == nullptr || one.use == KnobUse::kRun ||
                          is_in(idle_, one.key) || (without_epochs && one.key == "epochs");
    if (!left_out) out.append(one.key).append("=").append(setting_text(*state[knob])).append("\n");
  }
  return out;
}

std::string IdentityMaker::sources_text(const State& state) const {
  std::set<std::string_view> stems(schema_.common_sources.begin(), schema_.common_sources.end());
  for (const Setting* setting : state)
    if (setting && !is_in(idle_, book_.knob(setting->knob).key))
      stems.insert(setting->checked.sources.begin(), setting->checked.sources.end());
  std::string out;
  for (const std::string_view stem : stems) {
    if (stem.empty()) continue;
    const auto digest = schema_.source_digests.find(std::string(stem));
    if (digest == schema_.source_digests.end())
      throw std::runtime_error(fmt::format("[identity] no digest of the sources '{}'", stem));
    out.append(stem).append("=").append(digest->second).append("\n");
  }
  return out;
}

Identity IdentityMaker::make(const State& state) {
  without_effect(state);
  const auto schedule = book_.find("schedule");
  const Setting* named = schedule ? state[*schedule] : nullptr;
  const bool extendable = named && named->checked.names.size() == 1 &&
                          is_in(schema_.extendable_schedules, named->checked.names.front());
  const bool pending = std::ranges::any_of(
      state, [](const Setting* setting) { return setting && setting->checked.pending; });
  const std::string settings = text(state, extendable);
  const std::string digest = sha256_hex(settings);
  const std::string whole = sha256_hex(settings + sources_text(state)).substr(0, kDigits);
  return {pending ? "pending" : whole, digest.substr(0, kDigits), whole, extendable};
}

}  // namespace medsweep::sweeps
