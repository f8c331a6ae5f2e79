#include "sweeps/table_specification.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace medsweep::sweeps {
namespace {

constexpr std::array<std::string_view, 8> kTableKeys{"caption",  "where",   "rows",     "columns",
                                                     "for_each", "metrics", "baseline", "layout"};
/// What a table may speak of beside knobs: the columns of the results.
constexpr std::array<std::string_view, 10> kResultKeys{"class", "metric",  "split",   "sample",
                                                       "group", "task",    "patient", "source",
                                                       "epoch", "evaluate"};

bool is_result_key(std::string_view key) {
  return std::ranges::find(kResultKeys, key) != kResultKeys.end();
}

Value as_list(const Value& value) { return value.array() ? value : Value{Array{value}, value.at}; }

}  // namespace

TableSpecifications::TableSpecifications(const Value* tables, const Schema& schema,
                                         SettingBook& book, Findings& findings)
    : schema_(schema), book_(book), findings_(findings) {
  if (tables == nullptr) return;
  for (const Value& table : tables->array() ? *tables->array() : Array{*tables}) check(table);
}

void TableSpecifications::check(const Value& written) {
  if (written.table() == nullptr) {
    findings_.problems.add(written.at, "[table] is {}; [[table]] is allowed", type_name(written));
    return;
  }
  check_keys(*written.table(), "table", kTableKeys, findings_.problems);
  Value table = written;
  for (Member& member : std::get<Table>(table.data)) {
    const std::string_view key = member.key;
    if (key == "rows" || key == "columns" || key == "for_each") {
      member.value = as_list(member.value);
      check_knob_list(member.key, member.value);
    } else if (key == "metrics") {
      member.value = as_list(member.value);
      check_metrics(member.value);
    } else if (key == "where" || key == "baseline") {
      if (member.value.table() == nullptr)
        findings_.problems.add(member.at, "[table] {} is {}; a table is allowed", key,
                               type_name(member.value));
      else
        for (const Member& one : *member.value.table()) mention(one);
    } else if (member.value.string() == nullptr) {
      findings_.problems.add(member.value.at, "[table] {} is {}; a string is allowed", key,
                             type_name(member.value));
    }
  }
  tables_.push_back(std::move(table));
}

void TableSpecifications::check_knob_list(const std::string& where, Value& list) {
  for (const Value& key : *list.array()) {
    if (key.string() == nullptr)
      findings_.problems.add(key.at, "[table] {} holds {}; names of knobs are allowed", where,
                             type_name(key));
    else
      mention({*key.string(), key.at, key});
  }
}

void TableSpecifications::check_metrics(const Value& metrics) {
  std::vector<std::string_view> known;
  for (const NamedRow& named : schema_.metrics.rows) known.push_back(named.row.name);
  for (const Value& metric : *metrics.array()) {
    if (metric.string() == nullptr)
      findings_.problems.add(metric.at, "[table] metrics holds {}; names are allowed",
                             type_name(metric));
    else if (!known.empty() && std::ranges::find(known, *metric.string()) == known.end())
      findings_.of_unknown_names().add(metric.at, "{}",
                                       unknown_name("metric", *metric.string(), known));
  }
}

bool TableSpecifications::mention(const Member& member) {
  if (is_result_key(member.key)) return false;
  if (const auto path = book_.find_path(member, "table"))
    mentioned_.emplace_back(member.key, *path);
  return true;
}

Value TableSpecifications::labels_of(const Member& member, const std::vector<Draft>& drafts,
                                     const Naming& naming) {
  const auto known =
      std::ranges::find(mentioned_, member.key, &std::pair<std::string, KnobPath>::first);
  if (is_result_key(member.key) || known == mentioned_.end()) return member.value;
  const Condition condition({member}, member.at, "table", book_);
  Array labels;
  for (const Draft& draft : drafts) {
    if (!condition.matches(draft.state)) continue;
    const std::string label = naming.label(draft, known->second);
    const auto same = [&](const Value& other) { return *other.string() == label; };
    if (std::ranges::none_of(labels, same)) labels.push_back({label, member.value.at});
  }
  if (labels.empty())
    findings_.problems.add(member.value.at, "[table] no trial has {} = {}", member.key,
                           plain_text(member.value));
  if (labels.size() == 1 && member.value.array() == nullptr) return labels.front();
  return {std::move(labels), member.value.at};
}

std::vector<std::string> TableSpecifications::json(const std::vector<Draft>& drafts,
                                                   const Naming& naming) {
  std::vector<std::string> out;
  for (Value table : tables_) {
    for (const std::string_view key : {"where", "baseline"})
      if (Value* conditions = table.find(key); conditions && conditions->table())
        for (Member& member : std::get<Table>(conditions->data))
          member.value = labels_of(member, drafts, naming);
    out.push_back(canonical_json(table));
  }
  if (!out.empty()) return out;
  Array rows;
  for (const std::string& key : naming.varying()) rows.push_back({key, {}});
  return {canonical_json({Table{{"rows", {}, {std::move(rows), {}}}}, {}})};
}

}  // namespace medsweep::sweeps
