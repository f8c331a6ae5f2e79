#include "sweeps/naming.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

namespace medsweep::sweeps {
namespace {

/// learning_rate -> lr, width -> width: what stands before a number in a name.
std::string abbreviation(std::string_view key) {
  key = key.substr(key.rfind('.') + 1);
  if (key.find('_') == std::string_view::npos) return std::string(key);
  std::string initials;
  for (std::size_t i = 0; i < key.size(); ++i)
    if (i == 0 || key[i - 1] == '_') initials += key[i];
  return initials;
}

/// Letters, digits and ". _ + -": names stand in paths.
std::string path_text(std::string text) {
  for (char& c : text)
    if (!std::isalnum(static_cast<unsigned char>(c)) &&
        std::string_view("._+-").find(c) == std::string_view::npos)
      c = '_';
  return text;
}

State without_repeat(const State& state, const SettingBook& book) {
  State left = state;
  left[*book.find("seed")] = left[*book.find("fold")] = nullptr;
  return left;
}

}  // namespace

Naming::Naming(const Expansion& expansion, const Plan& plan,
               const std::vector<std::pair<std::string, KnobPath>>& mentioned, SettingBook& book)
    : book_(book) {
  std::vector<Key> candidates;
  const auto add = [&](std::string text, const KnobPath& path) {
    if (std::ranges::find(candidates, path, &Key::path) == candidates.end())
      candidates.push_back({std::move(text), path});
  };
  for (const Grid& grid : plan.grids)
    for (const Axis& axis : grid.axes)
      for (const AxisKey& key : axis.keys) add(key.key, key.path);
  for (const Grid& grid : plan.grids)
    for (const KnobPath& path : grid.trial_knobs)
      add(std::string(book.knob(path.knob).key) + (path.option.empty() ? "" : "." + path.option),
          path);
  for (const std::string_view repeat : {"seed", "fold"}) {
    const KnobPath path{*book.find(repeat), ""};
    std::erase_if(candidates, [&](const Key& key) { return key.path == path; });
    candidates.push_back({std::string(repeat), path});
  }
  for (const Key& key : candidates) {
    std::set<std::string> seen;
    for (const Draft& draft : expansion.drafts) seen.insert(label(draft, key.path));
    for (const auto& [draft, reason] : expansion.excluded) seen.insert(label(draft, key.path));
    if (seen.size() < 2) continue;
    (key.text == "seed" || key.text == "fold" ? repeats_ : varying_).push_back(key);
  }
  for (const auto& [text, path] : mentioned)
    if (std::ranges::find(varying_, path, &Key::path) == varying_.end() &&
        std::ranges::find(mentioned_, path, &Key::path) == mentioned_.end() && text != "seed" &&
        text != "fold")
      mentioned_.push_back({text, path});
}

std::string Naming::label(const Draft& draft, const KnobPath& path) const {
  const Setting* setting = draft.state[path.knob];
  if (setting == nullptr) return "";
  if (!path.option.empty()) {
    const Value* full = &setting->checked.full;
    if (full->array() && full->array()->size() == 1) full = &full->array()->front();
    const Value* option = full->find(path.option);
    return option ? label_of(*option) : "";
  }
  for (std::size_t i = 0; i < draft.grid->axes.size(); ++i)
    for (const AxisKey& key : draft.grid->axes[i].keys) {
      if (key.path != path) continue;
      const Setting* chosen = book_.make(path.knob, *key.values[draft.rows[i]]);
      const bool same = chosen->json == setting->json ||
                        (!chosen->checked.names.empty() && chosen->defined == setting->defined &&
                         chosen->checked.names == setting->checked.names);
      if (same) return key.labels[draft.rows[i]];
    }
  return setting->label;
}

std::string Naming::part(const Draft& draft, const Key& key) const {
  const Setting* setting = draft.state[key.path.knob];
  const std::string shown = label(draft, key.path);
  if (setting == nullptr || shown.empty() || shown == "none" || !setting->defined.empty())
    return path_text(shown);
  const Value* value = key.path.option.empty() ? &setting->checked.full
                                               : setting->checked.full.find(key.path.option);
  if (value && value->boolean()) return (*value->boolean() ? "" : "no_") + abbreviation(key.text);
  if (value && value->is_number()) return abbreviation(key.text) + shown;
  return path_text(shown);
}

std::string Naming::stem(const Draft& draft) const {
  std::string out;
  bool none = false;
  for (const Key& key : varying_) {
    const std::string one = part(draft, key);
    none = none || one == "none";
    if (!one.empty() && one != "none") out += (out.empty() ? "" : "-") + one;
  }
  if (!out.empty()) return out;
  if (none) return "none";
  const auto model = book_.find("model");
  const Setting* setting = model ? draft.state[*model] : nullptr;
  return setting ? path_text(setting->label) : "trial";
}

std::string Naming::repeat(const Draft& draft) const {
  std::string out;
  for (const Key& key : repeats_)
    out += fmt::format("-{}{}", key.text.front(), draft.state[key.path.knob]->json);
  return out;
}

std::string Naming::difference(const std::vector<const Draft*>& alike, const Draft& draft) const {
  std::string out;
  for (std::size_t knob = 0; knob < book_.size(); ++knob) {
    const Setting* own = draft.state[knob];
    const auto differs = [&](const Draft* other) {
      const Setting* theirs = other->state[knob];
      return (own ? own->label : "") != (theirs ? theirs->label : "");
    };
    const std::string key(book_.knob(knob).key);
    if (key == "seed" || key == "fold" || !std::ranges::any_of(alike, differs)) continue;
    out += "-" + part(draft, {key, {knob, ""}});
  }
  return out;
}

std::vector<std::string> Naming::names(const std::vector<Draft>& drafts) const {
  std::vector<std::string> stems;
  std::map<std::string, std::map<State, const Draft*>> groups;
  for (const Draft& draft : drafts) {
    stems.push_back(stem(draft));
    groups[stems.back()].try_emplace(without_repeat(draft.state, book_), &draft);
  }
  std::vector<std::string> out;
  std::set<std::string> taken;
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    const auto& group = groups[stems[i]];
    std::vector<const Draft*> alike;
    for (const auto& [state, draft] : group) alike.push_back(draft);
    std::string name = stems[i] + (alike.size() > 1 ? difference(alike, drafts[i]) : "");
    std::string unique = name + repeat(drafts[i]);
    for (std::size_t number = 2; !taken.insert(unique).second; ++number)
      unique = fmt::format("{}-{}{}", name, number, repeat(drafts[i]));
    out.push_back(std::move(unique));
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> Naming::labels(const Draft& draft) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto* keys : {&varying_, &mentioned_, &repeats_})
    for (const Key& key : *keys) out.emplace_back(key.text, label(draft, key.path));
  return out;
}

std::vector<std::string> Naming::varying() const {
  std::vector<std::string> keys;
  for (const Key& key : varying_) keys.push_back(key.text);
  return keys;
}

}  // namespace medsweep::sweeps
