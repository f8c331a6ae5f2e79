#include "runner/metrics/detection/detection_summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace medsweep::runner {

DetectionSummary::DetectionSummary(std::vector<std::string> metrics,
                                   const DetectionOptions& options)
    : metrics_(std::move(metrics)), options_(options) {
  for (const std::string& metric : metrics_) detection_scope_of(metric);
  heart_thresholds(options_.heart.step);
}

void DetectionSummary::add(std::int64_t position, const DetectionCase& scored) {
  const DetectionCase ready = checked(scored);
  if (classes_.empty()) classes_ = ready.classes;
  if (classes_ != ready.classes)
    throw std::invalid_argument(
        fmt::format("[metrics] case '{}': classes [{}]; [{}] is allowed, as in the others",
                    ready.name, fmt::join(ready.classes, ", "), fmt::join(classes_, ", ")));
  keep(position, image_record(ready, options_));
}

void DetectionSummary::keep(std::int64_t position, ImageRecord record) {
  if (!images_.emplace(position, std::move(record)).second)
    throw std::logic_error(
        fmt::format("[metrics] a second case at position {}; one is allowed", position));
}

void DetectionSummary::merge(Communicator& group) {
  if (group.size() == 1) return;
  merge_classes(group);
  std::string own;
  for (const auto& [position, record] : images_) own += bytes_of(position, record);
  const std::vector<std::string> parts = group.gather(own);
  const std::string all = group.broadcast(fmt::format("{}", fmt::join(parts, "")));
  images_.clear();
  for (std::string_view rest = all; !rest.empty();) {
    auto [position, record] = take_record(rest);
    keep(position, std::move(record));
  }
}

void DetectionSummary::merge_classes(Communicator& group) {
  const std::vector<std::string> parts = group.gather(nlohmann::json(classes_).dump());
  const std::string all = group.broadcast(fmt::format("[{}]", fmt::join(parts, ",")));
  for (const auto& names : nlohmann::json::parse(all)) {
    if (names.empty()) continue;  // a rank without images
    const auto classes = names.get<std::vector<std::string>>();
    if (classes_.empty()) classes_ = classes;
    if (classes_ != classes)
      throw std::logic_error("[metrics] ranks with different classes; the same are allowed");
  }
}

ImageRecords DetectionSummary::records() const {
  ImageRecords records;
  for (const auto& [position, record] : images_) records.push_back(&record);
  return records;
}

std::vector<CaseRows> DetectionSummary::cases() const {
  std::vector<CaseRows> cases;
  for (const auto& [position, record] : images_)
    cases.push_back({record.name, rows_of_image(record, classes_, metrics_)});
  return cases;
}

std::vector<SummaryRow> DetectionSummary::rows() const {
  return rows_over_images(records(), classes_, metrics_);
}

std::optional<double> DetectionSummary::overall(std::string_view metric) const {
  if (std::ranges::find(metrics_, metric) == metrics_.end()) return std::nullopt;
  double sum = 0, defined = 0;
  for (const SummaryRow& row : rows_over_images(records(), classes_, {std::string(metric)})) {
    if (!row.value) continue;
    sum += *row.value;
    ++defined;
  }
  return defined > 0 ? std::optional<double>(sum / defined) : std::nullopt;
}

}  // namespace medsweep::runner
