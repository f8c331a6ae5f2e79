#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/files.h"
#include "datasets/converters/manifest_entries.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

using Json = nlohmann::ordered_json;

/// What a parser says of a text would hold parts of it: only the place is told.
Json parse_manifest(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw std::invalid_argument(fmt::format("[{}] no JSON: byte {}", path.string(), error.byte));
  }
}

/// "a" or ["a", "b"]; nothing for what is neither.
std::vector<std::string> manifest_texts(const Json& value) {
  if (value.is_string()) return {value.get<std::string>()};
  std::vector<std::string> texts;
  if (value.is_array())
    for (const Json& part : value)
      if (part.is_string()) texts.push_back(part.get<std::string>());
  return value.size() == texts.size() ? texts : std::vector<std::string>();
}

/// A text, or a whole number as text; empty where it is absent.
std::string manifest_text(const Json& item, std::initializer_list<const char*> keys,
                          const std::string& place) {
  for (const char* key : keys) {
    if (!item.contains(key) || item[key].is_null()) continue;
    if (item[key].is_string()) return item[key].get<std::string>();
    if (item[key].is_number_integer()) return std::to_string(item[key].get<std::int64_t>());
    throw std::invalid_argument(fmt::format("{} {} is no text", place, key));
  }
  return {};
}

void add_json_masks(const Json& item, ManifestEntry& entry, const std::filesystem::path& folder) {
  if (!item.contains("label") || item["label"].is_null()) return;
  const Json& label = item["label"];
  if (label.is_number_integer()) {
    if (entry.group.empty()) entry.group = std::to_string(label.get<std::int64_t>());
    return;
  }
  const std::vector<std::string> files = manifest_texts(label);
  if (files.empty())
    throw std::invalid_argument(fmt::format(
        "{} label is neither a file, a list of files, nor a whole number", entry.place));
  for (const std::string& file : files) entry.masks.push_back({folder / file, ""});
}

ManifestEntry json_entry(const Json& item, const std::string& place,
                         const std::filesystem::path& folder) {
  ManifestEntry entry{.place = place, .sample = {}, .images = {}};
  const Json images = item.is_object() && item.contains("image") ? item["image"] : item;
  for (const std::string& file : manifest_texts(images)) entry.images.push_back(folder / file);
  if (entry.images.empty())
    throw std::invalid_argument(
        fmt::format("{} no image; \"image\" with a file, or a list of files, is needed", place));
  std::string sample;
  if (item.is_object()) {
    sample = manifest_text(item, {"sample", "name"}, place);
    entry.patient = manifest_text(item, {"patient", "patient_id"}, place);
    entry.group = manifest_text(item, {"group", "class"}, place);
    const std::string fold = manifest_text(item, {"fold"}, place);
    const auto [end, error] = std::from_chars(fold.data(), fold.data() + fold.size(), entry.fold);
    if (!fold.empty() &&
        (error != std::errc() || end != fold.data() + fold.size() || entry.fold < 0))
      throw std::invalid_argument(fmt::format("{} fold is none of 0, 1, ...", place));
    add_json_masks(item, entry, folder);
  }
  entry.sample = plain_name(sample.empty() ? stem_of(entry.images.front()) : sample);
  return entry;
}

/// The Decathlon's {"0": "background", "1": "tumour"}.
std::vector<LabelMap::Entry> json_labels(const Json& list, const std::string& where) {
  std::vector<LabelMap::Entry> labels;
  if (!list.is_object() || !list.contains("labels") || !list["labels"].is_object()) return labels;
  for (const auto& [key, name] : list["labels"].items()) {
    LabelMap::Entry label;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), label.code);
    if (error != std::errc() || end != key.data() + key.size() || !name.is_string())
      throw std::invalid_argument(
          fmt::format("[{}] labels: {{\"1\": \"name\", ...}} are allowed", where));
    label.name = plain_name(name.get<std::string>());
    labels.push_back(label);
  }
  return labels;
}

void add_section(Manifest& found, const Json& section, const std::string& name,
                 const std::filesystem::path& path, std::set<std::string>& samples) {
  for (std::size_t i = 0; i < section.size(); ++i) {
    const std::string place = fmt::format("[{}, {}[{}]]", path.string(), name, i);
    try {
      ManifestEntry entry = json_entry(section[i], place, path.parent_path());
      entry.source = name;
      if (!samples.insert(entry.sample).second)
        throw std::invalid_argument(fmt::format(
            "{} sample {} stands twice; \"sample\" gives each its own name", place, entry.sample));
      if (entry.masks.size() > 1) found.masks = ManifestMasks::kObjects;
      found.entries.push_back(std::move(entry));
    } catch (const std::invalid_argument& error) {
      found.errors.emplace_back(error.what());
    }
  }
}

}  // namespace

Manifest read_manifest_json(const std::filesystem::path& path) {
  const Json list = parse_manifest(path);
  Manifest found{.labels = json_labels(list, path.string())};
  std::set<std::string> samples;
  for (const char* section : {"training", "validation", "test", "testing"})
    if (list.is_object() && list.contains(section) && list[section].is_array())
      add_section(found, list[section], section, path, samples);
  if (found.entries.empty() && found.errors.empty())
    throw std::invalid_argument(fmt::format(
        "[{}] no entries; lists \"training\", \"validation\" or \"test\" of {{\"image\": file, "
        "\"label\": file}} are needed",
        path.string()));
  if (found.masks == ManifestMasks::kObjects) {
    found.classes = {"foreground"};
    for (ManifestEntry& entry : found.entries)
      for (ManifestMask& mask : entry.masks) mask.class_name = "foreground";
  }
  return found;
}

Manifest read_manifest(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    throw std::invalid_argument(fmt::format("[{}] no such file", path.string()));
  const std::string ending = ending_of(path);
  if (ending == ".csv") return read_manifest_csv(path);
  if (ending == ".json") return read_manifest_json(path);
  throw std::invalid_argument(fmt::format("[{}] a manifest ends in .csv or .json", path.string()));
}

}  // namespace medsweep::datasets
