#include "runner/metrics/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "runner/metrics/counts.h"

namespace medsweep::runner {
namespace {

using SummaryJson = nlohmann::json;

struct PooledMetric {
  std::string_view metric;
  std::optional<double> (*ratio)(const Counts&);
};

constexpr std::array kPooledMetrics{
    PooledMetric{"dice", dice}, PooledMetric{"iou", iou}, PooledMetric{"sensitivity", sensitivity},
    PooledMetric{"specificity", specificity}, PooledMetric{"precision", precision}};

SummaryJson json_of(std::int64_t position, const CaseRows& scored) {
  SummaryJson rows = SummaryJson::array();
  for (const auto& [metric, class_name, value, reason] : scored.rows)
    rows.push_back({metric, class_name, value ? SummaryJson(*value) : SummaryJson(), reason});
  return {position, scored.name, rows};
}

CaseRows case_rows_of(const SummaryJson& json) {
  CaseRows scored{json.at(1), {}};
  for (const SummaryJson& row : json.at(2)) {
    MetricRow read{row.at(0), row.at(1), {}, row.at(3)};
    if (!row.at(2).is_null()) read.value = row.at(2).get<double>();
    scored.rows.push_back(std::move(read));
  }
  return scored;
}

/// The same (metric, class) over all cases.
struct Column {
  double sum = 0;
  std::int64_t defined = 0, undefined = 0;

  void add(const std::optional<double>& value) {
    sum += value.value_or(0);
    ++(value ? defined : undefined);
  }
};

/// Classes and metrics in the order in which the cases name them first.
struct Columns {
  std::vector<std::string> classes, metrics;
  std::map<std::pair<std::string, std::string>, Column> by_class_and_metric;

  void add(const MetricRow& row) {
    note(classes, row.class_name);
    note(metrics, row.metric);
    by_class_and_metric[{row.class_name, row.metric}].add(row.value);
  }
  Column at(const std::string& class_name, std::string_view metric) const {
    const auto found = by_class_and_metric.find({class_name, std::string(metric)});
    return found == by_class_and_metric.end() ? Column{} : found->second;
  }

 private:
  static void note(std::vector<std::string>& list, const std::string& name) {
    if (std::ranges::find(list, name) == list.end()) list.push_back(name);
  }
};

Counts counts_of(const Columns& columns, const std::string& class_name) {
  const auto sum = [&](std::size_t count) {
    return static_cast<std::int64_t>(columns.at(class_name, count_names()[count]).sum);
  };
  return {sum(0), sum(1), sum(2), sum(3)};
}

SummaryRow mean_row(const std::string& metric, const std::string& class_name,
                    const Column& column) {
  SummaryRow row{metric, class_name, {}, column.defined, column.undefined};
  if (column.defined > 0) row.value = column.sum / static_cast<double>(column.defined);
  return row;
}

void append_summary(const Columns& columns, const std::string& class_name,
                    std::vector<SummaryRow>& rows) {
  const auto is_count = [](const std::string& metric) {
    return std::ranges::find(count_names(), metric) != count_names().end();
  };
  for (const std::string& metric : columns.metrics)
    if (!is_count(metric))
      rows.push_back(mean_row(metric, class_name, columns.at(class_name, metric)));
  const Counts counts = counts_of(columns, class_name);
  for (const auto& [metric, ratio] : kPooledMetrics) {
    const Column column = columns.at(class_name, metric);
    const std::int64_t cases = column.defined + column.undefined;
    if (cases == 0) continue;
    rows.push_back({fmt::format("{}_pooled", metric), class_name, ratio(counts), cases, 0});
  }
  for (const std::string& metric : columns.metrics)
    if (const Column column = columns.at(class_name, metric); is_count(metric))
      rows.push_back({metric, class_name, column.sum, column.defined, column.undefined});
}

}  // namespace

void Summary::add(std::int64_t position, CaseRows rows) {
  if (!cases_.emplace(position, std::move(rows)).second)
    throw std::logic_error(
        fmt::format("[metrics] a second case at position {}; one is allowed", position));
}

void Summary::merge(Communicator& group) {
  if (group.size() == 1) return;
  SummaryJson own = SummaryJson::array();
  for (const auto& [position, scored] : cases_) own.push_back(json_of(position, scored));
  const std::vector<std::string> parts = group.gather(own.dump());
  SummaryJson all = SummaryJson::array();
  for (const std::string& part : parts)
    for (const SummaryJson& scored : SummaryJson::parse(part)) all.push_back(scored);
  cases_.clear();
  for (const SummaryJson& scored : SummaryJson::parse(group.broadcast(all.dump())))
    add(scored.at(0), case_rows_of(scored));
}

std::vector<CaseRows> Summary::cases() const {
  std::vector<CaseRows> cases;
  for (const auto& [position, scored] : cases_) cases.push_back(scored);
  return cases;
}

std::vector<SummaryRow> Summary::rows() const {
  Columns columns;
  for (const auto& [position, scored] : cases_)
    for (const MetricRow& row : scored.rows) columns.add(row);
  std::vector<SummaryRow> rows;
  for (const std::string& class_name : columns.classes) append_summary(columns, class_name, rows);
  return rows;
}

std::optional<double> Summary::overall(std::string_view metric) const {
  Column over_classes;
  for (const SummaryRow& row : rows())
    if (row.metric == metric) over_classes.add(row.value);
  if (over_classes.defined == 0) return std::nullopt;
  return over_classes.sum / static_cast<double>(over_classes.defined);
}

}  // namespace medsweep::runner
