// The checks of ValueChecker for what has options: names, tables of options, data sets.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "sweeps/toml_reading.h"
#include "sweeps/value_checks.h"

namespace medsweep::sweeps {
namespace {

const Knob* find_knob(std::span<const Knob> knobs, std::string_view key) {
  const auto knob = std::ranges::find(knobs, key, &Knob::key);
  return knob == knobs.end() ? nullptr : &*knob;
}

const Knob* option_of_any_row(const Kind& kind, std::string_view key) {
  for (const NamedRow& named : kind.rows)
    if (const Knob* knob = find_knob(named.options, key)) return knob;
  return nullptr;
}

std::vector<std::string_view> keys_of(std::span<const Knob> options) {
  std::vector<std::string_view> keys;
  for (const Knob& option : options) keys.push_back(option.key);
  return keys;
}

constexpr Knob kFile{"file", KnobType::kFile, "", "a data file"};
constexpr Knob kDatasetWeight{"weight", KnobType::kNumber, "1", "share of the samples", 0};

}  // namespace

const Knob* ValueChecker::find_option(const Knob& knob, std::string_view option) const {
  static constexpr Knob kName{"name", KnobType::kString, "", "the row"};
  static constexpr Knob kWeight{"weight", KnobType::kNumber, "1", "in a sum", 0};
  const auto kind = schema_.kinds.find(std::string(knob.key));
  if (kind == schema_.kinds.end()) return find_knob(knob.options, option);
  if (option == kName.key) return &kName;
  if (const Knob* found = option_of_any_row(kind->second, option)) return found;
  return knob.type == KnobType::kNames && option == kWeight.key ? &kWeight : nullptr;
}

const NamedRow* ValueChecker::find_row(CheckedValue& checked, const Kind& kind, const Value& name) {
  std::vector<std::string_view> names;
  for (const NamedRow& named : kind.rows) {
    if (named.row.name == *name.string()) return &named;
    names.push_back(named.row.name);
  }
  checked.known = false;
  findings_.of_unknown_names().add(name.at, "{}", unknown_name(kind.name, *name.string(), names));
  return nullptr;
}

Value ValueChecker::check_name(CheckedValue& checked, const Knob& knob, const std::string& key,
                               const Value& value) {
  const Value* name = value.table() ? value.find("name") : &value;
  if (name == nullptr || name->string() == nullptr)
    return wrong_type(key, value, "a name or { name = \"...\", options }");
  const auto kind = schema_.kinds.find(key);
  if (kind == schema_.kinds.end())
    throw std::logic_error(fmt::format("[schema] the knob {} has no kind of names", key));
  const NamedRow* row = find_row(checked, kind->second, *name);
  checked.names.push_back(*name->string());
  checked.labels.push_back(row ? std::string(row->row.short_label) : *name->string());
  if (row) checked.sources.emplace_back(row->row.sources);
  Table options = value.table() ? *value.table() : Table{};
  std::erase_if(options, [](const Member& member) { return member.key == "name"; });
  Value full{std::move(options), value.at};
  if (row) full = check_row_options(checked, kind->second, *row, knob.options, key, full);
  Table& table = std::get<Table>(full.data);
  table.insert(table.begin(), {"name", name->at, {*name->string(), name->at}});
  return full;
}

Value ValueChecker::check_row_options(CheckedValue& checked, const Kind& kind, const NamedRow& row,
                                      std::span<const Knob> more, const std::string& key,
                                      const Value& value) {
  std::vector<Knob> options(row.options.begin(), row.options.end());
  for (const Knob& option : more)
    if (find_knob(options, option.key) == nullptr) options.push_back(option);
  Value understood{Table{}, value.at};
  for (const Member& member : *value.table()) {
    const bool other = !find_knob(options, member.key) && option_of_any_row(kind, member.key);
    if (other)
      findings_.notes.add(member.at, "[{}] '{}' has no option {}: left out", key, row.row.name,
                          member.key);
    else
      std::get<Table>(understood.data).push_back(member);
  }
  return check_options(checked, options, key, understood);
}

Value ValueChecker::check_options(CheckedValue& checked, std::span<const Knob> options,
                                  const std::string& key, const Value& value) {
  if (value.table() == nullptr) return wrong_type(key, value, "a table");
  Table full;
  for (const Member& member : *value.table()) {
    const Knob* option = find_knob(options, member.key);
    if (option == nullptr)
      findings_.problems.add(
          member.at, "[{}] unknown option '{}'{} known: {}", key, member.key,
          suggestion(member.key, keys_of(options)),
          options.empty() ? "none" : fmt::format("{}", fmt::join(keys_of(options), " ")));
    else
      assign(full, member.key, check_one(checked, *option, key + "." + member.key, member.value));
  }
  for (const Knob& option : options) {
    if (option.default_value.empty() || value.find(option.key)) continue;
    if (!defaults_.contains(option.default_value))
      defaults_[option.default_value] = parse_bare_value(option.default_value, "default");
    Value standard = defaults_[option.default_value];
    standard.at = value.at;
    assign(full, option.key,
           check_one(checked, option, fmt::format("{}.{}", key, option.key), standard));
  }
  return {std::move(full), value.at};
}

Value ValueChecker::check_dataset(CheckedValue& checked, const std::string& key,
                                  const Value& value) {
  const Value* file = value.table() ? value.find("file") : &value;
  if (file == nullptr || file->string() == nullptr)
    return wrong_type(key, value, "the path of a file or { file = \"...\", weight = 1 }");
  const Value* weight = value.find("weight");
  const Value one{std::int64_t{1}, value.at};
  for (const Member& member : value.table() ? *value.table() : Table{})
    if (member.key != "file" && member.key != "weight") checked.brings.push_back(member);
  return {Table{{"file", file->at, check_one(checked, kFile, key + ".file", *file)},
                {"weight", value.at,
                 check_one(checked, kDatasetWeight, key + ".weight", weight ? *weight : one)}},
          value.at};
}

void ValueChecker::check_own_word(const std::string& key, const Value& value) {
  std::string_view metric = *value.string();
  if (key == "evaluate.every") {
    const std::size_t digits = metric.find_first_not_of("0123456789");
    constexpr std::array<std::string_view, 4> kUnits{" epoch", " epochs", " step", " steps"};
    const bool fits = digits != 0 && digits != std::string_view::npos && metric.front() != '0' &&
                      std::ranges::find(kUnits, metric.substr(digits)) != kUnits.end();
    if (!fits)
      findings_.problems.add(value.at, "[{}] '{}'; \"1 epoch\" or \"500 steps\" is allowed", key,
                             metric);
    return;
  }
  if (key == "evaluate.checkpoint") {
    if (metric == "last") return;
    if (!metric.starts_with("best:")) {
      findings_.problems.add(value.at, "[{}] '{}'; \"last\" or \"best:METRIC\" is allowed", key,
                             metric);
      return;
    }
    metric.remove_prefix(5);
  } else if (key != "early_stop.metric") {
    return;
  }
  std::vector<std::string_view> known;
  for (const NamedRow& named : schema_.metrics.rows) known.push_back(named.row.name);
  if (!known.empty() && std::ranges::find(known, metric) == known.end())
    findings_.of_unknown_names().add(value.at, "{}", unknown_name("metric", metric, known));
}

}  // namespace medsweep::sweeps
