#include "datasets/converters/coco_entry.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace medsweep::datasets {
namespace {

using nlohmann::json;

bool coco_flag(const json& entry, const char* key, std::string_view where) {
  const auto found = entry.find(key);
  if (found == entry.end() || found->is_null()) return false;
  if (found->is_boolean()) return found->get<bool>();
  const std::int64_t value = coco_integer(entry, key, where);
  if (value != 0 && value != 1)
    refuse_coco(where, fmt::format("'{}' is {}; 0 and 1 are allowed", key, value));
  return value == 1;
}

Polygon coco_numbers(const json& list, const char* what, std::string_view where) {
  if (!list.is_array())
    refuse_coco(where, fmt::format("{} is a {}; a list is allowed", what, list.type_name()));
  Polygon numbers;
  numbers.reserve(list.size());
  for (const json& value : list) {
    if (!value.is_number())
      refuse_coco(where,
                  fmt::format("{} holds a {}; numbers are allowed", what, value.type_name()));
    numbers.push_back(value.get<double>());
  }
  return numbers;
}

void read_coco_polygons(const json& list, CocoEntry& raw) {
  if (!list.empty() && list.front().is_number()) {
    raw.object.polygons.push_back(coco_numbers(list, "its polygon", raw.where));
    return;
  }
  for (const json& polygon : list)
    raw.object.polygons.push_back(coco_numbers(polygon, "its polygon", raw.where));
}

void read_coco_runs(const json& runs, CocoEntry& raw) {
  const auto size = runs.find("size"), counts = runs.find("counts");
  if (size == runs.end() || counts == runs.end() || !size->is_array() || size->size() != 2 ||
      !(*size)[0].is_number_integer() || !(*size)[1].is_number_integer())
    refuse_coco(raw.where, "run lengths without 'counts' and a 'size' of [height, width]");
  raw.height = (*size)[0].get<std::int64_t>();
  raw.width = (*size)[1].get<std::int64_t>();
  if (counts->is_string()) {
    raw.object.runs = counts->get<std::string>();
    return;
  }
  if (!counts->is_array()) refuse_coco(raw.where, "its counts are no list and no text");
  raw.uncompressed = RunLengths{raw.height, raw.width, {}};
  for (const json& count : *counts) {
    if (!count.is_number_integer())
      refuse_coco(raw.where, "its counts hold something else than whole numbers");
    raw.uncompressed->counts.push_back(count.get<std::int64_t>());
  }
}

}  // namespace

void refuse_coco(std::string_view where, std::string_view what) {
  throw std::invalid_argument(fmt::format("[{}] {}", where, what));
}

std::int64_t coco_integer(const json& entry, const char* key, std::string_view where) {
  const auto found = entry.find(key);
  if (found == entry.end()) refuse_coco(where, fmt::format("no '{}'; a number is needed", key));
  if (!found->is_number_integer())
    refuse_coco(where, fmt::format("'{}' is a {}; a whole number is allowed", key,
                                   found->is_number() ? "fraction" : found->type_name()));
  return found->get<std::int64_t>();
}

std::string coco_text(const json& entry, const char* key, std::string_view where) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_string() || found->get_ref<const std::string&>().empty())
    refuse_coco(where, fmt::format("no '{}'; a text is needed", key));
  return found->get<std::string>();
}

CocoEntry read_coco_entry(const json& entry, std::string where) {
  CocoEntry raw{.where = std::move(where), .object = {}};
  raw.image_id = coco_integer(entry, "image_id", raw.where);
  raw.category_id = coco_integer(entry, "category_id", raw.where);
  raw.object.crowd =
      coco_flag(entry, "iscrowd", raw.where) || coco_flag(entry, "ignore", raw.where);
  if (const auto found = entry.find("bbox"); found != entry.end() && !found->is_null()) {
    const Polygon box = coco_numbers(*found, "bbox", raw.where);
    if (box.size() != 4)
      refuse_coco(raw.where,
                  fmt::format("bbox of {} numbers; x, y, width, height are allowed", box.size()));
    raw.box = {box[0], box[1], box[2], box[3]};
  }
  const auto mask = entry.find("segmentation");
  if (mask == entry.end() || mask->is_null()) return raw;
  if (mask->is_object())
    read_coco_runs(*mask, raw);
  else if (mask->is_array())
    read_coco_polygons(*mask, raw);
  else
    refuse_coco(raw.where, fmt::format("segmentation is a {}; polygons and run lengths are "
                                       "allowed",
                                       mask->type_name()));
  return raw;
}

}  // namespace medsweep::datasets
