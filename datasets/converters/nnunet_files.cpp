#include "datasets/converters/nnunet_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/files.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

[[noreturn]] void refuse_nnunet(const fs::path& path, const std::string& what) {
  throw std::invalid_argument(fmt::format("[{}] {}", path.string(), what));
}

json parse_nnunet(const fs::path& path) {
  try {
    return json::parse(read_file(path));
  } catch (const json::parse_error& error) {
    refuse_nnunet(path, fmt::format("no JSON: wrong at byte {}", error.byte));
  }
}

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// A name and the codes that it stands for.
struct NamedCodes {
  std::string name;
  std::vector<std::int64_t> codes;
  bool is_list = false;
};

NamedCodes named_codes(const fs::path& path, const std::string& key, const json& value) {
  if (value.is_number_integer()) return {plain_name(key), {value.get<std::int64_t>()}};
  if (value.is_string()) {
    const std::string text = value.get<std::string>();
    if (const auto code = whole_number(key)) return {plain_name(text), {*code}};  // {"3": "lv"}
    if (const auto code = whole_number(text)) return {plain_name(key), {*code}};  // {"lv": "3"}
  }
  const bool is_list = value.is_array() && std::ranges::all_of(value, [](const json& code) {
                         return code.is_number_integer();
                       });
  if (!is_list || value.empty())
    refuse_nnunet(path,
                  fmt::format("labels '{}'; a whole number or a list of them is allowed", key));
  return {plain_name(key), value.get<std::vector<std::int64_t>>(), true};
}

std::vector<NamedCodes> all_labels(const fs::path& path, const json& content) {
  if (!content.contains("labels") || !content["labels"].is_object())
    refuse_nnunet(path, "no 'labels'; an object of names and codes is needed");
  std::vector<NamedCodes> labels;
  for (const auto& [key, value] : content["labels"].items())
    labels.push_back(named_codes(path, key, value));
  std::ranges::stable_sort(labels, {}, [](const NamedCodes& named) { return named.codes.front(); });
  return labels;
}

/// The name that stands for this code alone, else "label_3".
std::string name_of_code(const std::vector<NamedCodes>& labels, std::int64_t code) {
  for (const NamedCodes& named : labels)
    if (named.codes == std::vector<std::int64_t>{code}) return named.name;
  return fmt::format("label_{}", code);
}

std::vector<LabelMap::Entry> entries_of(const std::vector<NamedCodes>& labels) {
  std::set<std::int64_t> codes;
  for (const NamedCodes& named : labels) codes.insert(named.codes.begin(), named.codes.end());
  std::vector<LabelMap::Entry> entries;
  for (const std::int64_t code : codes)
    if (code != 0) entries.push_back({code, name_of_code(labels, code)});
  return entries;
}

/// All names as regions, where any stands for a list of codes; in the map's labels.
std::vector<Region> regions_of(const std::vector<NamedCodes>& labels, const LabelMap& map) {
  std::vector<Region> regions;
  if (std::ranges::none_of(labels, [](const NamedCodes& named) { return named.is_list; }))
    return {};
  for (const NamedCodes& named : labels) {
    Region region{.name = named.name, .labels = {}};
    for (const std::int64_t code : named.codes)
      if (code != 0)
        region.labels.push_back(
            std::distance(map.codes().begin(), std::ranges::find(map.codes(), code)) + 1);
    if (!region.labels.empty()) regions.push_back(region);
  }
  return regions;
}

std::int64_t channels_in(const fs::path& path, const json& content) {
  for (const char* key : {"channel_names", "modality"})
    if (content.contains(key) && content[key].is_object() && !content[key].empty())
      return std::ssize(content[key]);
  refuse_nnunet(path, "neither 'channel_names' nor 'modality'; one is needed");
}

std::string text_in(const json& content, const char* key, const std::string& otherwise) {
  return content.contains(key) && content[key].is_string() ? content[key].get<std::string>()
                                                           : otherwise;
}

}  // namespace

NnunetDescription read_nnunet_description(const fs::path& path) {
  const json content = parse_nnunet(path);
  if (!content.is_object()) refuse_nnunet(path, "no object; nnU-Net's dataset.json is needed");
  std::vector<NamedCodes> labels = all_labels(path, content);
  std::int64_t ignored = -1;
  std::erase_if(labels, [&](const NamedCodes& named) {
    const bool is_ignored = named.name == "ignore" && named.codes.size() == 1;
    if (is_ignored) ignored = named.codes.front();
    return is_ignored;
  });
  try {
    const LabelMap map(entries_of(labels));
    return {.name = plain_name(text_in(content, "name", "")),
            .channels = channels_in(path, content),
            .ending = text_in(content, "file_ending", ".nii.gz"),
            .labels = {map, ignored},
            .regions = regions_of(labels, map)};
  } catch (const std::invalid_argument& error) {
    if (std::string_view(error.what()).starts_with("[label map]"))
      refuse_nnunet(path, error.what());
    throw;
  }
}

std::map<std::string, std::int64_t> read_nnunet_splits(const fs::path& path) {
  const json content = parse_nnunet(path);
  std::map<std::string, std::int64_t> folds;
  if (!content.is_array()) refuse_nnunet(path, "no list; nnU-Net's splits_final.json is needed");
  for (std::size_t fold = 0; fold < content.size(); ++fold) {
    const json& split = content[fold];
    if (!split.is_object() || !split.contains("val") || !split["val"].is_array())
      refuse_nnunet(path, fmt::format("fold {} has no list 'val'", fold));
    for (const json& name : split["val"]) {
      if (!name.is_string())
        refuse_nnunet(path, fmt::format("fold {}: 'val' is to be a list of names", fold));
      const auto [other, is_new] =
          folds.emplace(name.get<std::string>(), static_cast<std::int64_t>(fold));
      if (!is_new)
        refuse_nnunet(path, fmt::format("'{}' is validated by folds {} and {}; one is allowed",
                                        other->first, other->second, fold));
    }
  }
  return folds;
}

}  // namespace medsweep::datasets
