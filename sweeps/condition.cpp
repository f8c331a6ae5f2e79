#include "sweeps/condition.h"

#include <fmt/format.h>

#include <algorithm>

namespace medsweep::sweeps {
namespace {

bool is_whole_value(const Value& value, const SettingBook& book, const KnobPath& path,
                    Nesting nesting) {
  if (value.table() == nullptr || !path.option.empty()) return true;
  switch (book.knob(path.knob).type) {
    case KnobType::kName:
    case KnobType::kNames:
    case KnobType::kNameList:
    case KnobType::kAny:
      return nesting == Nesting::kWholeValues && value.find("name") != nullptr;
    case KnobType::kOptions:
      return false;
    default:
      return true;
  }
}

void add_assignments(std::vector<Assignment>& out, const Member& member, std::string_view where,
                     Nesting nesting, SettingBook& book) {
  const auto path = book.find_path(member, where);
  if (!path) return;
  if (is_whole_value(member.value, book, *path, nesting)) {
    out.push_back({member.key, member.at, &book.keep(member.value), *path});
    return;
  }
  for (const Member& option : *member.value.table())
    add_assignments(out, {member.key + "." + option.key, option.at, option.value}, where, nesting,
                    book);
}

bool list_is_a_value(KnobType type) {
  switch (type) {
    case KnobType::kBoolean:
    case KnobType::kInteger:
    case KnobType::kNumber:
    case KnobType::kString:
    case KnobType::kName:
    case KnobType::kFile:
    case KnobType::kOptions:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::vector<Assignment> read_assignments(const Table& table, std::string_view where,
                                         Nesting nesting, SettingBook& book) {
  std::vector<Assignment> assignments;
  for (const Member& member : table) add_assignments(assignments, member, where, nesting, book);
  const auto order = [&](const Assignment& one) {
    return book.knob(one.path.knob).type == KnobType::kDatasets ? 0
           : one.path.option.empty()                            ? 1
                                                                : 2;
  };
  std::ranges::stable_sort(assignments, {}, order);
  return assignments;
}

void apply(const std::vector<Assignment>& assignments, State& state, SettingBook& book) {
  state.resize(book.size());
  for (const auto& [key, at, value, path] : assignments) {
    const Setting* made = path.option.empty() ? book.make(path.knob, *value)
                                              : book.with_option(state[path.knob], path, *value);
    state[path.knob] = made;
    if (made == nullptr || !path.option.empty()) continue;
    state.resize(book.size());
    for (const Setting* other : made->brings) state[other->knob] = other;
  }
}

Condition::Condition(const Table& table, const Position& at, std::string_view where,
                     SettingBook& book)
    : at_(at), assignments_(read_assignments(table, where, Nesting::kOptionsApart, book)) {
  for (const Assignment& assignment : assignments_) add_key(assignment, book);
}

void Condition::add_key(const Assignment& assignment, SettingBook& book) {
  const auto& path = assignment.path;
  const Value* const whole = assignment.value;
  Key key{assignment.key, path, {}};
  const auto add = [&](const Value& value) {
    const bool name = value.string() != nullptr;
    const bool defined = name && book.is_defined(path.knob, *value.string());
    std::string json = canonical_json(value);
    if (path.option.empty())
      if (const Setting* setting = book.make(path.knob, value)) json = setting->json;
    key.alternatives.push_back({name ? *value.string() : "", defined, std::move(json)});
  };
  if (const Array* any = whole->array())
    for (const Value& value : *any) add(value);
  if (whole->array() == nullptr || !path.option.empty() ||
      list_is_a_value(book.knob(path.knob).type))
    add(*whole);
  keys_.push_back(std::move(key));
}

bool Condition::matches(const State& state) const {
  return std::ranges::all_of(keys_, [&](const Key& key) {
    const Setting* setting = key.path.knob < state.size() ? state[key.path.knob] : nullptr;
    if (setting == nullptr) return false;
    const bool whole = key.path.option.empty();
    const std::string json = whole ? setting->json : setting->option_json(key.path.option);
    return std::ranges::any_of(key.alternatives, [&](const Alternative& one) {
      if (one.json == json || (!whole && "[" + one.json + "]" == json)) return true;
      if (one.name.empty()) return false;
      if (!whole) return setting->option_name(key.path.option) == one.name;
      const auto& names = setting->checked.names;
      return setting->defined == one.name ||
             (!one.defined && names.size() == 1 && names.front() == one.name);
    });
  });
}

std::string Condition::text() const {
  std::string out;
  for (const Assignment& assignment : assignments_)
    out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", assignment.key,
                       plain_text(*assignment.value));
  return out;
}

}  // namespace medsweep::sweeps
