#include "results/table_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "base/catalog.h"

namespace medsweep::results {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 8> kTableKeys{"caption",  "where",   "rows",     "columns",
                                                     "for_each", "metrics", "baseline", "layout"};
constexpr std::array<std::string_view, 2> kLayouts{"seeds", "cases"};
// Of the values, not of the trials.
constexpr std::array<std::string_view, 3> kValueKeys{"class", "split", "evaluate"};

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("name")) return text_of(value["name"]);
  return value.is_null() ? "" : value.dump();
}

std::vector<std::string> texts_of(const Json& value) {
  if (!value.is_array()) return {text_of(value)};
  std::vector<std::string> texts;
  for (const Json& element : value) texts.push_back(text_of(element));
  return texts;
}

void flatten(const std::string& prefix, const Json& table,
             std::vector<TableSpec::Condition>& conditions) {
  if (!table.is_object())
    throw std::invalid_argument(
        fmt::format("[table.{}] {}; a table of key = value is allowed", prefix, table.dump()));
  for (const auto& [key, value] : table.items()) conditions.emplace_back(key, texts_of(value));
}

std::vector<std::string> names_in(const std::string& key, const Json& value) {
  const bool fits =
      value.is_string() ||
      (value.is_array() && std::ranges::all_of(value, [](auto& e) { return e.is_string(); }));
  if (!fits)
    throw std::invalid_argument(
        fmt::format("[table.{}] {}; a name or a list of names is allowed", key, value.dump()));
  return texts_of(value);
}

void set_key(TableSpec& spec, const std::string& key, const Json& value) {
  if (key == "where") return flatten(key, value, spec.where);
  if (key == "baseline") return flatten(key, value, spec.baseline);
  const std::vector<std::string> names = names_in(key, value);
  if (key == "rows") spec.rows = names;
  if (key == "columns") spec.columns = names;
  if (key == "for_each") spec.for_each = names;
  if (key == "metrics") spec.metrics = names;
  if (key == "caption") spec.caption = text_of(value);
  if (key != "layout") return;
  const std::string layout = text_of(value);
  if (layout != "seeds" && layout != "cases")
    throw std::invalid_argument(unknown_name("table.layout", layout, kLayouts));
  spec.layout = layout == "cases" ? TableLayout::kCases : TableLayout::kSeeds;
}

}  // namespace

TableSpec parse_table_spec(const std::string& json) {
  const Json table = Json::parse(json, nullptr, false);
  if (!table.is_object())
    throw std::invalid_argument(fmt::format("[table] '{}'; a JSON object is allowed", json));
  TableSpec spec;
  for (const auto& [key, value] : table.items()) {
    if (std::ranges::find(kTableKeys, key) == kTableKeys.end())
      throw std::invalid_argument(unknown_name("table", key, kTableKeys));
    set_key(spec, key, value);
  }
  return spec;
}

std::vector<std::string> varying_axes(const std::vector<PlannedTrial>& trials) {
  std::vector<std::string> axes;
  for (const PlannedTrial& trial : trials)
    for (const auto& [axis, label] : trial.labels) {
      if (axis == "seed" || axis == "fold" || std::ranges::find(axes, axis) != axes.end()) continue;
      const bool varies =
          std::ranges::any_of(trials, [&, &axis = axis, &label = label](auto& other) {
            return label_of(other, axis) != label;
          });
      if (varies) axes.push_back(axis);
    }
  return axes;
}

std::string label_of(const PlannedTrial& trial, const std::string& key) {
  for (const auto& [axis, label] : trial.labels)
    if (axis == key) return label;
  if (key == "seed") return std::to_string(trial.seed);
  if (key == "fold") return trial.fold < 0 ? "" : std::to_string(trial.fold);
  const Json knobs = Json::parse(trial.knobs);
  if (knobs.contains(key)) return text_of(knobs[key]);
  std::string pointer = "/" + key;
  std::ranges::replace(pointer, '.', '/');
  const Json::json_pointer path(pointer);
  return knobs.contains(path) ? text_of(knobs[path]) : "";
}

bool meets(const PlannedTrial& trial, const std::vector<TableSpec::Condition>& conditions) {
  return std::ranges::all_of(conditions, [&](const TableSpec::Condition& condition) {
    const auto& [key, allowed] = condition;
    if (std::ranges::find(kValueKeys, key) != kValueKeys.end()) return true;
    return std::ranges::find(allowed, label_of(trial, key)) != allowed.end();
  });
}

std::vector<std::string> condition_on(const std::string& key,
                                      const std::vector<TableSpec::Condition>& conditions) {
  for (const auto& [name, allowed] : conditions)
    if (name == key) return allowed;
  return {};
}

}  // namespace medsweep::results
