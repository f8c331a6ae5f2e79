#include "sweeps/study_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace medsweep::sweeps {

void check_required(const Expansion& expansion, const SettingBook& book,
                    const std::filesystem::path& study, Findings& findings) {
  for (std::size_t knob = 0; knob < book.size(); ++knob) {
    const auto lacks = [&](const Draft& draft) { return draft.state[knob] == nullptr; };
    if (book.knob(knob).type != KnobType::kAny && std::ranges::any_of(expansion.drafts, lacks))
      findings.problems.add(fmt::format("{}: [trial] {} is required: {}", study.filename().string(),
                                        book.knob(knob).key, book.knob(knob).sentence));
  }
}

void check_axes_used(const Expansion& expansion, const Plan& plan, IdentityMaker& maker,
                     SettingBook& book, Findings& findings) {
  std::set<const AxisKey*> used;
  std::set<const Grid*> populated;
  for (const Draft& draft : expansion.drafts) {
    const std::vector<std::string>& idle = maker.without_effect(draft.state);
    populated.insert(draft.grid);
    for (std::size_t axis = 0; axis < draft.grid->axes.size(); ++axis)
      for (const AxisKey& key : draft.grid->axes[axis].keys) {
        if (used.contains(&key)) continue;
        const Setting* setting = draft.state[key.path.knob];
        const std::string_view knob = book.knob(key.path.knob).key;
        if (std::ranges::find(idle, knob) != idle.end() ||
            std::ranges::find(idle, key.key) != idle.end())
          continue;
        const Value& chosen = *key.values[draft.rows[axis]];
        const std::string json =
            key.path.option.empty() ? "" : setting->option_json(key.path.option);
        const Setting* made = key.path.option.empty() ? book.make(key.path.knob, chosen) : nullptr;
        const bool kept =
            made ? made->json == setting->json || (!made->checked.names.empty() &&
                                                   made->checked.names == setting->checked.names)
                 : !json.empty();
        if (kept) used.insert(&key);
      }
  }
  for (const Grid& grid : plan.grids)
    for (const Axis& axis : grid.axes)
      for (const AxisKey& key : axis.keys)
        if (populated.contains(&grid) && !used.contains(&key))
          findings.problems.add(key.at, "[{}] {} is never used: no trial depends on it", grid.where,
                                key.key);
}

void check_refused(const Expansion& expansion, IdentityMaker& maker, const Schema& schema,
                   const SettingBook& book, const Naming& naming,
                   const std::filesystem::path& study, Findings& findings) {
  if (!schema.refuse) return;
  const std::size_t seed = *book.find("seed"), fold = *book.find("fold");
  std::map<std::string, std::pair<std::string, std::int64_t>> refused;  // text -> first, how many
  State last;
  std::string text;
  for (const Draft& draft : expansion.drafts) {
    const bool known = std::ranges::all_of(
        draft.state, [](const Setting* setting) { return !setting || setting->checked.known; });
    if (!known) continue;
    State settings = draft.state;
    settings[seed] = settings[fold] = nullptr;
    if (settings != last) text = schema.refuse(maker.knobs(draft.state));
    last = std::move(settings);
    if (!text.empty()) ++refused.try_emplace(text, naming.name(draft), 0).first->second.second;
  }
  for (const auto& [text, first] : refused)
    findings.problems.add(
        fmt::format("{}: trial {}{}: {}", study.filename().string(), first.first,
                    first.second == 1 ? "" : fmt::format(" and {} more", first.second - 1), text));
}

OnlyFilter::OnlyFilter(const std::vector<Member>& only, SettingBook& book) {
  Table keys;
  for (const Member& member : only) {
    if (member.key == "name") names_.push_back(plain_text(member.value));
    if (member.key == "name" || member.key.empty()) continue;
    const auto known = std::ranges::find(keys, member.key, &Member::key);
    Value list = member.value.array() ? member.value : Value{Array{member.value}, member.at};
    if (known == keys.end()) {
      keys.push_back({member.key, member.at, std::move(list)});
    } else {
      Array& old = std::get<Array>(known->value.data);
      old.insert(old.end(), list.array()->begin(), list.array()->end());
    }
  }
  if (!keys.empty()) conditions_.emplace_back(keys, keys.front().at, "--only", book);
}

bool OnlyFilter::passes(const State& state, const std::string& name) const {
  if (!names_.empty() && std::ranges::find(names_, name) == names_.end()) return false;
  return std::ranges::all_of(conditions_,
                             [&](const Condition& condition) { return condition.matches(state); });
}

}  // namespace medsweep::sweeps
