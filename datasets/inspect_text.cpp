#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "datasets/inspect.h"

namespace medsweep::datasets {
namespace {

constexpr std::size_t kShownNames = 6;

template <typename Key>
std::string counted(const std::map<Key, std::int64_t>& counts) {
  std::vector<std::string> parts;
  for (const auto& [key, count] : counts) {
    const std::string name = fmt::format("{}", key);
    parts.push_back(fmt::format("{} {}", name.empty() ? "(unknown)" : name, count));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string shortened(const std::vector<std::string>& names) {
  const std::size_t shown = std::min(names.size(), kShownNames);
  return fmt::format(
      "{}{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
      shown < names.size() ? ", ..." : "");
}

std::string range_text(double least, double most) {
  return least == most ? fmt::format("{:g}", least) : fmt::format("{:g}-{:g}", least, most);
}

std::string spacing_text(const Inspection& inspection) {
  if (inspection.spacing.empty()) return "unknown";
  std::vector<std::string> axes;
  for (const auto& [least, most] : inspection.spacing) axes.push_back(range_text(least, most));
  return fmt::format("{} (depth x height x width)", fmt::join(axes, " x "));
}

std::string extent_text(const Extent& extent, std::int64_t dimension) {
  const std::string plane = fmt::format("{} x {}", extent.height, extent.width);
  return dimension == 3 ? fmt::format("{} x {}", extent.depth, plane) : plane;
}

std::string size_text(const Inspection& inspection) {
  const std::string smallest = extent_text(inspection.smallest, inspection.dimension);
  const std::string largest = extent_text(inspection.largest, inspection.dimension);
  return smallest == largest ? smallest : fmt::format("{} to {}", smallest, largest);
}

std::string label_text(const Inspection& inspection) {
  std::string text =
      fmt::format("{} of {} slices are empty", inspection.empty_slices, inspection.labelled_slices);
  if (inspection.labelled_slices == 0) text = "no label maps";
  if (inspection.unlabelled > 0)
    text += fmt::format("; {} samples have no labels at all", inspection.unlabelled);
  return text;
}

std::string class_lines(const Inspection& inspection) {
  const bool objects = inspection.has_instances;
  std::string text = fmt::format("\n{:<16}{:>14}{:>10}{:>10}{:>8}{}\n", "class", "pixels", "share",
                                 "samples", "cases", objects ? "   objects" : "");
  for (const ClassCount& count : inspection.classes) {
    text += fmt::format("{:<16}{:>14}{:>9.2f}%{:>10}{:>8}", count.name, count.pixels,
                        100.0 * static_cast<double>(count.pixels) /
                            static_cast<double>(std::max<std::int64_t>(inspection.pixels, 1)),
                        count.samples, count.cases);
    if (objects) text += fmt::format("{:>10}", count.instances);
    if (count.crowds > 0) text += fmt::format(" ({} crowds)", count.crowds);
    text += "\n";
  }
  return text;
}

/// [H, W], of volumes [D, H, W].
std::vector<std::int64_t> extent_json(const Extent& extent, std::int64_t dimension) {
  if (dimension == 3) return {extent.depth, extent.height, extent.width};
  return {extent.height, extent.width};
}

}  // namespace

std::string to_text(const Inspection& inspection) {
  std::string text;
  const auto line = [&text](const char* key, const std::string& value) {
    text += fmt::format("{:<16}{}\n", key, value);
  };
  line("file", fmt::format("{} ({:.1f} MB)", inspection.path.string(),
                           static_cast<double>(inspection.bytes) / 1e6));
  line("data set", inspection.name);
  line("digest", fmt::format("{} (every sample holds)", inspection.digest));
  line("samples", fmt::format("{} of {} cases of {} patients", inspection.samples, inspection.cases,
                              inspection.patients));
  line("sources", counted(inspection.sources));
  line("groups", counted(inspection.groups));
  if (!inspection.folds.empty()) line("folds", counted(inspection.folds));
  line(inspection.dimension == 3 ? "volumes" : "size", size_text(inspection));
  line("channels", fmt::format("{} ({})", inspection.channels, counted(inspection.types)));
  line("spacing in mm", spacing_text(inspection));
  line("arrays", counted(inspection.arrays));
  line("labels", label_text(inspection));
  line("field of view",
       fmt::format("{:.1f}% of all pixels",
                   100.0 * static_cast<double>(inspection.counted_pixels) /
                       static_cast<double>(std::max<std::int64_t>(inspection.pixels, 1))));
  for (std::size_t i = 0; i < inspection.percentiles.size(); ++i)
    line(i == 0 ? "intensity" : "", fmt::format("channel {}: {:g} at 0, 1, 50, 99, 100%", i,
                                                fmt::join(inspection.percentiles[i], " ")));
  text += class_lines(inspection);
  if (!inspection.suspicions.empty()) text += "\nlook at\n";
  for (const Suspicion& suspicion : inspection.suspicions)
    text += fmt::format(
        "  {}{}{}\n", suspicion.what,
        suspicion.samples.empty() ? "" : fmt::format(" ({}): ", suspicion.samples.size()),
        shortened(suspicion.samples));
  return text;
}

std::string to_json(const Inspection& inspection) {
  nlohmann::ordered_json json{{"path", inspection.path.string()},
                              {"name", inspection.name},
                              {"digest", inspection.digest},
                              {"bytes", inspection.bytes},
                              {"samples", inspection.samples},
                              {"cases", inspection.cases},
                              {"patients", inspection.patients},
                              {"channels", inspection.channels},
                              {"dimension", inspection.dimension},
                              {"folds", nlohmann::ordered_json::object()},
                              {"arrays", inspection.arrays},
                              {"unlabelled", inspection.unlabelled},
                              {"empty_slices", inspection.empty_slices},
                              {"labelled_slices", inspection.labelled_slices},
                              {"groups", inspection.groups},
                              {"sources", inspection.sources},
                              {"types", inspection.types},
                              {"pixels", inspection.pixels},
                              {"counted_pixels", inspection.counted_pixels},
                              {"smallest", extent_json(inspection.smallest, inspection.dimension)},
                              {"largest", extent_json(inspection.largest, inspection.dimension)},
                              {"spacing_mm", inspection.spacing},
                              {"percentiles_at", kPercentiles},
                              {"percentiles", inspection.percentiles}};
  json["classes"] = nlohmann::ordered_json::array();
  for (const ClassCount& count : inspection.classes)
    json["classes"].push_back({{"name", count.name},
                               {"pixels", count.pixels},
                               {"samples", count.samples},
                               {"cases", count.cases},
                               {"instances", count.instances},
                               {"crowds", count.crowds}});
  for (const auto& [fold, samples] : inspection.folds)
    json["folds"][std::to_string(fold)] = samples;
  json["suspicions"] = nlohmann::ordered_json::array();
  for (const Suspicion& suspicion : inspection.suspicions)
    json["suspicions"].push_back({{"what", suspicion.what}, {"samples", suspicion.samples}});
  return json.dump(2);
}

}  // namespace medsweep::datasets
