#include "sweeps/freeze.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "sweeps/json_reading.h"
#include "sweeps/toml_reading.h"
#include "sweeps/value.h"

namespace medsweep::sweeps {
namespace {

/// JSON as a TOML value on one line; the text of a TOML basic string is that of a JSON string.
std::string toml_text(const Value& value) {
  std::string out;
  if (const Array* array = value.array()) {
    for (const Value& element : *array) out += (out.empty() ? "" : ", ") + toml_text(element);
    return "[" + out + "]";
  }
  if (const Table* table = value.table()) {
    for (const Member& member : *table)
      out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", json_string(member.key),
                         toml_text(member.value));
    return out.empty() ? "{}" : "{ " + out + " }";
  }
  return canonical_json(value);
}

Value string_list(const std::vector<std::string>& texts) {
  Array array;
  for (const std::string& text : texts) array.push_back({text, {}});
  return {std::move(array), {}};
}

/// Knob -> canonical JSON, of the knobs that all trials have alike.
std::map<std::string, std::string> shared_knobs(const std::vector<Table>& trials) {
  std::map<std::string, std::string> shared;
  if (trials.empty()) return shared;
  for (const Member& member : trials.front()) shared[member.key] = canonical_json(member.value);
  for (const Table& trial : trials) {
    std::map<std::string, std::string> own;
    for (const Member& member : trial)
      if (shared.contains(member.key)) own[member.key] = canonical_json(member.value);
    std::erase_if(shared, [&](const auto& one) {
      return !own.contains(one.first) || own.at(one.first) != one.second;
    });
  }
  return shared;
}

void write_trial(std::string& out, const Trial& trial, const Table& knobs,
                 const std::map<std::string, std::string>& shared) {
  Array labels;
  for (const auto& [key, label] : trial.labels) labels.push_back(string_list({key, label}));
  out += fmt::format(
      "\n[[trial]]\nname = {}\nidentity = {}\nsettings = {}\nseed = {}\nfold = {}\nlabels = {}\n",
      json_string(trial.name), json_string(trial.identity), json_string(trial.settings), trial.seed,
      trial.fold, toml_text({std::move(labels), {}}));
  for (const Member& member : knobs)
    if (!shared.contains(member.key))
      out += fmt::format("knobs.{} = {}\n", json_string(member.key), toml_text(member.value));
}

std::string ensembles_text(const std::vector<Ensemble>& ensembles) {
  std::string out;
  for (const Ensemble& one : ensembles)
    out += fmt::format("\n[[ensemble]]\nname = {}\nover = {}\nmethod = {}\nminimum_votes = {}\n",
                       json_string(one.name), json_string(one.over), json_string(one.method),
                       one.minimum_votes);
  return out;
}

/// A member that must be there, with its type.
template <typename Type>
const Type& member_of(const Value& table, std::string_view key) {
  const Value* value = table.find(key);
  const Type* typed = value ? std::get_if<Type>(&value->data) : nullptr;
  if (typed == nullptr)
    throw std::invalid_argument(
        fmt::format("{}: a frozen study has '{}' here, of another type or "
                    "not at all in this file; was it edited?",
                    table.at.text(), key));
  return *typed;
}

std::vector<std::string> texts_of(const Array& array) {
  std::vector<std::string> texts;
  for (const Value& value : array) {
    if (value.string() == nullptr)
      throw std::invalid_argument(
          fmt::format("{}: {}; a string is allowed", value.at.text(), type_name(value)));
    texts.push_back(*value.string());
  }
  return texts;
}

Trial parse_trial(const Value& value, const Table& shared) {
  Trial trial;
  trial.name = member_of<std::string>(value, "name");
  trial.identity = member_of<std::string>(value, "identity");
  trial.settings = member_of<std::string>(value, "settings");
  trial.seed = member_of<std::int64_t>(value, "seed");
  trial.fold = member_of<std::int64_t>(value, "fold");
  for (const Value& pair : member_of<Array>(value, "labels")) {
    const std::vector<std::string> texts =
        pair.array() ? texts_of(*pair.array()) : texts_of({pair});
    if (texts.size() != 2)
      throw std::invalid_argument(fmt::format("{}: labels are pairs", pair.at.text()));
    trial.labels.emplace_back(texts[0], texts[1]);
  }
  Table knobs = shared;
  if (const Value* own = value.find("knobs"); own && own->table())
    for (const Member& member : *own->table()) assign(knobs, member.key, member.value);
  trial.knobs = canonical_json({std::move(knobs), {}});
  return trial;
}

Ensemble parse_ensemble(const Value& value) {
  return {member_of<std::string>(value, "name"), member_of<std::string>(value, "over"),
          member_of<std::string>(value, "method"), member_of<std::int64_t>(value, "minimum_votes")};
}

}  // namespace

Frozen freeze(const Study& study) {
  return {study.name, study.title, study.notes, study.tables, study.trials, study.ensembles};
}

std::string frozen_text(const Frozen& frozen) {
  std::vector<Table> knobs;
  for (const Trial& trial : frozen.trials)
    knobs.push_back(*parse_json(trial.knobs, "the knobs of trial " + trial.name).table());
  const std::map<std::string, std::string> shared = shared_knobs(knobs);
  std::string out = fmt::format(
      "# The study {} as it was first started, written by Medsweep. What every trial has alike is\n"
      "# under [shared]; a trial's own knobs follow its name.\n"
      "format = 1\nname = {}\ntitle = {}\nnotes = {}\ntables = {}\n\n[shared]\n",
      frozen.name, json_string(frozen.name), json_string(frozen.title),
      toml_text(string_list(frozen.notes)), toml_text(string_list(frozen.tables)));
  if (!knobs.empty())
    for (const Member& member : knobs.front())
      if (shared.contains(member.key))
        out += fmt::format("{} = {}\n", json_string(member.key), toml_text(member.value));
  out += ensembles_text(frozen.ensembles);
  for (std::size_t i = 0; i < knobs.size(); ++i)
    write_trial(out, frozen.trials[i], knobs[i], shared);
  return out;
}

Frozen parse_frozen(std::string_view text, const std::string& file) {
  const Value document = parse_toml(text, {file, {}, 0});
  if (member_of<std::int64_t>(document, "format") != 1)
    throw std::invalid_argument(fmt::format(
        "{}: a frozen study of another version of Medsweep; format 1 is allowed", file));
  Frozen frozen;
  frozen.name = member_of<std::string>(document, "name");
  frozen.title = member_of<std::string>(document, "title");
  frozen.notes = texts_of(member_of<Array>(document, "notes"));
  frozen.tables = texts_of(member_of<Array>(document, "tables"));
  const Table& shared = member_of<Table>(document, "shared");
  if (const Value* trials = document.find("trial"); trials && trials->array())
    for (const Value& trial : *trials->array()) frozen.trials.push_back(parse_trial(trial, shared));
  if (const Value* ensembles = document.find("ensemble"); ensembles && ensembles->array())
    for (const Value& ensemble : *ensembles->array())
      frozen.ensembles.push_back(parse_ensemble(ensemble));
  return frozen;
}

}  // namespace medsweep::sweeps
