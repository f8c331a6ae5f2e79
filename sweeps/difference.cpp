// A frozen study against the study as it is now.
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "sweeps/freeze.h"
#include "sweeps/json_reading.h"

namespace medsweep::sweeps {
namespace {

constexpr std::string_view kPending = "pending";

/// What two trials must share to be the same one.
const std::string& key_of(const Trial& trial) {
  return trial.identity == kPending ? trial.settings : trial.identity;
}

template <typename Trials>
std::map<std::string_view, const Trial*> by_key(const Trials& trials) {
  std::map<std::string_view, const Trial*> out;
  for (const Trial& trial : trials) out.emplace(key_of(trial), &trial);
  return out;
}

template <typename Trials>
std::map<std::string_view, const Trial*> by_name(const Trials& trials) {
  std::map<std::string_view, const Trial*> out;
  for (const Trial& trial : trials) out.emplace(trial.name, &trial);
  return out;
}

/// The value with files by their names alone: where they lie decides nothing.
Value without_folders(Value value) {
  if (const std::string* text = value.string(); text && text->starts_with('/'))
    return {text->substr(text->rfind('/') + 1), value.at};
  if (Array* array = std::get_if<Array>(&value.data))
    for (Value& element : *array) element = without_folders(std::move(element));
  if (Table* table = std::get_if<Table>(&value.data))
    for (Member& member : *table) member.value = without_folders(std::move(member.value));
  return value;
}

/// "epochs 40 -> 60", for each knob that differs.
std::vector<std::string> knob_differences(const Trial& before, const Trial& after) {
  if (before.knobs == after.knobs) return {};
  const Value old = without_folders(parse_json(before.knobs, before.name));
  const Value now = without_folders(parse_json(after.knobs, after.name));
  std::set<std::string> keys;
  for (const Value* value : {&old, &now})
    for (const Member& member : *value->table()) keys.insert(member.key);
  std::vector<std::string> out;
  for (const std::string& key : keys) {
    const Value* left = old.find(key);
    const Value* right = now.find(key);
    if (left && right && canonical_json(*left) == canonical_json(*right)) continue;
    out.push_back(fmt::format("{} {} -> {}", key, left ? plain_text(*left) : "not set",
                              right ? plain_text(*right) : "not set"));
  }
  return out;
}

double epochs_of(const Trial& trial) {
  const Value knobs = parse_json(trial.knobs, trial.name);
  const Value* epochs = knobs.find("epochs");
  return epochs && epochs->is_number() ? epochs->number() : 0;
}

bool same_trial(const Trial& before, const Trial& after) {
  if (before.identity == kPending || after.identity == kPending)
    return before.settings == after.settings;
  return before.identity == after.identity;
}

void compare_same(const Trial& before, const Trial& after, Difference& out) {
  for (const std::string& text : knob_differences(before, after)) {
    if (!text.starts_with("epochs ")) {
      if (std::ranges::find(out.of_the_run, text) == out.of_the_run.end())
        out.of_the_run.push_back(text);
    } else if (epochs_of(after) > epochs_of(before)) {
      out.extended.push_back(fmt::format("{}: {}", after.name, text));
    }
  }
}

std::string change_text(const Trial& before, const Trial& after) {
  const std::vector<std::string> knobs = knob_differences(before, after);
  if (!knobs.empty()) return fmt::format("{}: {}", after.name, fmt::join(knobs, ", "));
  return fmt::format("{}: {}", after.name,
                     before.settings == after.settings ? "its sources were edited"
                                                       : "its data file is another one");
}

void add_lines(std::string& out, std::string_view title, const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 20;
  if (names.empty()) return;
  out += fmt::format("{} {}:\n", names.size(), title);
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) out += "  " + names[i] + "\n";
  if (names.size() > kMost) out += fmt::format("  ... and {} more\n", names.size() - kMost);
}

}  // namespace

bool Difference::empty() const {
  return added.empty() && removed.empty() && changed.empty() && extended.empty() &&
         of_the_run.empty();
}

Difference difference(const Frozen& frozen, const Study& now) {
  Difference out;
  const auto old_keys = by_key(frozen.trials), old_names = by_name(frozen.trials);
  std::map<std::string_view, const Trial*> old_settings;
  for (const Trial& trial : frozen.trials) old_settings.emplace(trial.settings, &trial);
  std::set<const Trial*> met;
  for (const Trial& trial : now.trials) {
    const auto key = old_keys.find(key_of(trial));
    const auto settings = old_settings.find(trial.settings);
    const auto name = old_names.find(trial.name);
    if (key != old_keys.end()) {
      met.insert(key->second);
      compare_same(*key->second, trial, out);
    } else if (settings != old_settings.end() && same_trial(*settings->second, trial)) {
      met.insert(settings->second);
      compare_same(*settings->second, trial, out);
    } else if (name != old_names.end()) {
      met.insert(name->second);
      out.changed.push_back(change_text(*name->second, trial));
    } else {
      out.added.push_back(trial.name);
    }
  }
  for (const Trial& trial : frozen.trials)
    if (!met.contains(&trial)) out.removed.push_back(trial.name);
  out.tables = frozen.tables != now.tables;
  out.ensembles = frozen.ensembles != now.ensembles;
  return out;
}

std::string in_words(const Difference& difference) {
  if (difference.empty()) return "";
  std::string out = "The study is no longer the one that was started.\n";
  add_lines(out, "new", difference.added);
  add_lines(out, "no longer there", difference.removed);
  add_lines(out, "changed", difference.changed);
  add_lines(out, "with more epochs", difference.extended);
  add_lines(out, "changed in how they are run", difference.of_the_run);
  return out +
         "--extend goes on with what was started and adds what is new; "
         "--frozen goes on with the study as it was started.\n";
}

Frozen extend(const Frozen& frozen, const Study& now) {
  Frozen out = frozen;
  out.title = now.title;
  out.tables = now.tables;
  out.ensembles = now.ensembles;
  out.notes = now.notes;
  std::map<std::string, std::size_t> places;
  std::set<std::string> names;
  for (std::size_t i = 0; i < out.trials.size(); ++i) {
    places.emplace(key_of(out.trials[i]), i);
    names.insert(out.trials[i].name);
  }
  for (const Trial& trial : now.trials) {
    if (const auto place = places.find(key_of(trial)); place != places.end()) {
      Trial& old = out.trials[place->second];
      const std::string name = old.name;
      if (epochs_of(trial) >= epochs_of(old)) old = trial;
      old.name = name;
      continue;
    }
    Trial added = trial;
    for (int number = 2; !names.insert(added.name).second; ++number)
      added.name = fmt::format("{}-{}", trial.name, number);
    places.emplace(key_of(added), out.trials.size());
    out.trials.push_back(std::move(added));
  }
  return out;
}

std::vector<std::string> keep_identities(const Frozen& frozen, Study& now) {
  std::map<std::string_view, const Trial*> settings;
  for (const Trial& trial : frozen.trials) settings.emplace(trial.settings, &trial);
  std::vector<std::string> kept;
  for (Trial& trial : now.trials) {
    const auto old = settings.find(trial.settings);
    if (old == settings.end() || old->second->identity == kPending || trial.identity == kPending ||
        old->second->identity == trial.identity)
      continue;
    trial.identity = old->second->identity;
    kept.push_back(trial.name);
  }
  return kept;
}

}  // namespace medsweep::sweeps
