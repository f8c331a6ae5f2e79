#include "sweeps/setting.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "sweeps/language_knobs.h"
#include "sweeps/toml_reading.h"

namespace medsweep::sweeps {
namespace {

bool has_names(const Knob& knob) {
  return knob.type == KnobType::kName || knob.type == KnobType::kNames ||
         knob.type == KnobType::kNameList;
}

std::pair<std::string_view, std::string_view> split_path(std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return {path, {}};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

/// Without the options that only say how a trial is run.
Value deciding(const Knob& knob, Value full) {
  for (const Knob& option : knob.options)
    if (option.use == KnobUse::kRun && full.table())
      std::erase_if(std::get<Table>(full.data),
                    [&](const Member& member) { return member.key == option.key; });
  return full;
}

}  // namespace

const Value* Setting::option(std::string_view name) const {
  const Value* full = &checked.full;
  if (full->array() && full->array()->size() == 1) full = &full->array()->front();
  return full->find(name);
}

std::string Setting::option_json(std::string_view name) const {
  const Value* value = option(name);
  return value ? canonical_json(*value) : "";
}

std::string Setting::option_name(std::string_view name) const {
  const Value* value = option(name);
  const Value* row = value ? value->find("name") : nullptr;
  return row && row->string() ? *row->string() : "";
}

SettingBook::SettingBook(const Schema& schema, const Table* defines,
                         const std::filesystem::path& folder,
                         const std::vector<std::filesystem::path>& needs, Findings& findings)
    : schema_(schema),
      findings_(findings),
      checker_(schema, folder, needs, findings),
      knobs_(schema.knobs.begin(), schema.knobs.end()) {
  for (const Knob& own : language_knobs())
    if (!find(own.key)) knobs_.push_back(own);
  if (defines) check_defines(*defines);
}

void SettingBook::check_defines(const Table& defines) {
  for (const Member& member : defines) {
    if (member.value.table() == nullptr) {
      findings_.problems.add(member.at, "[define] {} is {}; a table of named values is allowed",
                             member.key, type_name(member.value));
    } else if (const auto path = find_path(member, "define"); path && path->option.empty()) {
      defines_[member.key] = member.value.table();
      for (const Member& named : *member.value.table()) make(path->knob, named.value);
    }
  }
}

std::optional<std::size_t> SettingBook::find(std::string_view key) const {
  const auto knob = std::ranges::find(knobs_, key, &Knob::key);
  if (knob == knobs_.end()) return std::nullopt;
  return static_cast<std::size_t>(knob - knobs_.begin());
}

std::optional<KnobPath> SettingBook::find_path(const Member& member, std::string_view where) {
  const auto [key, option] = split_path(member.key);
  auto index = find(key);
  if (!index) {
    std::vector<std::string_view> known;
    for (const Knob& knob : knobs_) known.push_back(knob.key);
    findings_.of_unknown_names().add(member.at, "[{}] unknown knob '{}'{}", where, key,
                                     suggestion(key, known));
    if (findings_.unknown_names == UnknownNames::kRefuse) return std::nullopt;
    unknown_keys_.emplace_back(key);
    knobs_.push_back({unknown_keys_.back(), KnobType::kAny, "", "of a later version"});
    index = knobs_.size() - 1;
  }
  const Knob& knob = knobs_[*index];
  if (!option.empty() && knob.type != KnobType::kAny &&
      checker_.find_option(knob, option) == nullptr) {
    findings_.of_unknown_names().add(member.at, "[{}] {} has no option '{}'", where, key, option);
    if (findings_.unknown_names == UnknownNames::kRefuse) return std::nullopt;
  }
  return KnobPath{*index, std::string(option)};
}

bool SettingBook::is_defined(std::size_t knob, std::string_view name) const {
  const auto table = defines_.find(knobs_[knob].key);
  return table != defines_.end() &&
         std::ranges::find(*table->second, name, &Member::key) != table->second->end();
}

const Value* SettingBook::defined_value(std::size_t knob, const Value& value) const {
  if (value.string() == nullptr || !is_defined(knob, *value.string())) return nullptr;
  return &std::ranges::find(*defines_.find(knobs_[knob].key)->second, *value.string(), &Member::key)
              ->value;
}

const Setting* SettingBook::make(std::size_t knob, const Value& value) {
  const auto [place, is_new] = made_.try_emplace({knob, &value});
  if (!is_new) return place->second;
  const Setting*& result = place->second;
  if (const Value* defined = defined_value(knob, value)) {
    result = store(knob, *defined, *value.string());
  } else if (value.array()) {
    Array elements;  // a defined list stands for its elements
    for (const Value& element : *value.array()) {
      const Value* one = defined_value(knob, element);
      if (one && one->array())
        elements.insert(elements.end(), one->array()->begin(), one->array()->end());
      else
        elements.push_back(one ? *one : element);
    }
    result = store(knob, {std::move(elements), value.at}, "");
  } else {
    result = store(knob, value, "");
  }
  return result;
}

const Setting* SettingBook::with_option(const Setting* base, const KnobPath& path,
                                        const Value& value) {
  const auto [place, is_new] = with_option_.try_emplace({base, path.option, &value});
  if (!is_new) return place->second;
  const Knob& knob = knobs_[path.knob];
  Value given = base ? base->given : Value{Table{}, value.at};
  if (given.array() && given.array()->size() == 1) given = Value(given.array()->front());
  if (given.string() && has_names(knob)) given = {Table{{"name", given.at, given}}, given.at};
  if (given.table() == nullptr) {
    findings_.problems.add(value.at, "[{}.{}] {} = {} has no options", knob.key, path.option,
                           knob.key, plain_text(given));
    return base;
  }
  assign(std::get<Table>(given.data), path.option, value);
  place->second = store(path.knob, std::move(given), base ? base->defined : "");
  return place->second;
}

const Setting* SettingBook::standard(std::size_t knob) {
  const auto [place, is_new] = standard_.try_emplace(knob);
  if (is_new && !knobs_[knob].default_value.empty()) {
    place->second = make(knob, keep(parse_bare_value(knobs_[knob].default_value, "default")));
  }
  return place->second;
}

const Setting* SettingBook::store(std::size_t index, Value given, std::string defined) {
  const Knob& knob = knobs_[index];
  const std::string key(knob.key);
  CheckedValue checked = checker_.check(knob, key, given);
  settings_.push_back({index, std::move(given), std::move(defined), {}, {}, {}, {}, {}});
  Setting& setting = settings_.back();
  setting.label = setting.defined.empty() ? label_of(knob, checked) : setting.defined;
  setting.json = canonical_json(checked.full);
  setting.identity_json = canonical_json(deciding(knob, checked.full), checker_.file_digests());
  setting.checked = std::move(checked);
  for (const Member& member : setting.checked.brings)
    if (const auto path = find_path(member, key); path && path->option.empty())
      setting.brings.push_back(make(path->knob, member.value));
  return &setting;
}

std::string label_of(const Value& value) {
  if (const bool* boolean = value.boolean()) return *boolean ? "yes" : "no";
  if (const Array* array = value.array()) {
    std::string out;
    for (const Value& element : *array)
      out += (out.empty() ? "" : element.is_number() ? "x" : "+") + label_of(element);
    return out;
  }
  if (value.find("name") != nullptr) {  // a row and its options: "group-8"
    std::string out = label_of(*value.find("name"));
    for (const Member& member : *value.table())
      if (member.key != "name") out += "-" + label_of(member.value);
    return out;
  }
  return plain_text(value);
}

std::string label_of(const Knob& knob, const CheckedValue& checked) {
  const bool named = has_names(knob) || knob.type == KnobType::kDatasets ||
                     knob.type == KnobType::kFile || knob.type == KnobType::kFiles;
  if (named && !checked.labels.empty()) return fmt::format("{}", fmt::join(checked.labels, "+"));
  return label_of(checked.full);
}

}  // namespace medsweep::sweeps
