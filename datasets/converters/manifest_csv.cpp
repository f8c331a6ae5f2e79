#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

#include "datasets/converters/csv.h"
#include "datasets/converters/manifest_entries.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

constexpr std::string_view kMaskColumn = "mask_";  // and the class's name

/// The parts between semicolons, without blanks around them and without empty ones.
std::vector<std::string> manifest_parts(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

/// One table on its way to entries; rows of one sample are one entry.
class ManifestRows {
 public:
  ManifestRows(const CsvTable& table, std::filesystem::path folder)
      : table_(table), folder_(std::move(folder)) {
    for (const std::string& column : table.columns())
      if (column.starts_with(kMaskColumn) && column.size() > kMaskColumn.size())
        class_columns_.push_back(column);
      else if (std::ranges::find(kKnown, column) == std::end(kKnown))
        found_.ignored_columns.push_back(column);
    for (std::size_t row = 0; row < table.rows(); ++row)
      says_classes_ = says_classes_ || !text(row, "class").empty();
    if (has_objects()) found_.masks = ManifestMasks::kObjects;
    for (const std::string& column : class_columns_) add_class(column.substr(kMaskColumn.size()));
  }

  Manifest read() {
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      try {
        add(row, entry_of(row));
      } catch (const std::invalid_argument& error) {
        found_.errors.emplace_back(error.what());
      }
    }
    return std::move(found_);
  }

 private:
  [[noreturn]] void refuse(std::size_t row, const std::string& what) const {
    throw std::invalid_argument(fmt::format("{} {}", table_.place(row), what));
  }
  std::string text(std::size_t row, std::string_view column) const {
    return table_.has(column) ? table_.at(row, column) : std::string();
  }

  bool has_objects() const {
    if (!class_columns_.empty()) return true;
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      const std::vector<std::string> masks = manifest_parts(text(row, "mask"));
      if (masks.size() > 1 || (!masks.empty() && !text(row, "class").empty())) return true;
    }
    return false;
  }

  void add_class(const std::string& name) {
    if (std::ranges::find(found_.classes, name) == found_.classes.end())
      found_.classes.push_back(name);
  }

  ManifestEntry entry_of(std::size_t row) {
    ManifestEntry entry{.place = table_.place(row), .sample = {}, .images = {}};
    for (const std::string& file : manifest_parts(table_.at(row, "image")))
      entry.images.push_back(folder_ / file);
    if (entry.images.empty()) refuse(row, "no image; a file is needed");
    const std::string sample = text(row, "sample");
    entry.sample = plain_name(sample.empty() ? stem_of(entry.images.front()) : sample);
    entry.patient = text(row, "patient");
    if (table_.has("patient") && entry.patient.empty())
      refuse(row, "no patient, but the table has such a column; an identity is needed");
    entry.group = text(row, "group");
    entry.source = text(row, "source");
    if (!text(row, "fold").empty()) {
      const double fold = table_.number(row, "fold");
      if (fold < 0 || std::floor(fold) != fold || fold > 1e6)
        refuse(row, fmt::format("fold {}; 0, 1, ... are allowed", fold));
      entry.fold = static_cast<std::int64_t>(fold);
    }
    add_masks(row, entry);
    return entry;
  }

  void add_masks(std::size_t row, ManifestEntry& entry) {
    const std::vector<std::string> masks = manifest_parts(text(row, "mask"));
    std::vector<std::string> classes = manifest_parts(text(row, "class"));
    if (masks.empty() && !classes.empty() && entry.group.empty()) entry.group = classes.front();
    if (found_.masks == ManifestMasks::kLabelMaps) {
      if (!masks.empty()) entry.masks.push_back({folder_ / masks.front(), ""});
      return;
    }
    if (!masks.empty() && classes.empty() && !says_classes_)
      classes.assign(masks.size(), "foreground");
    if (classes.size() == 1) classes.resize(masks.size(), classes.front());
    if (!masks.empty() && classes.size() != masks.size())
      refuse(row, fmt::format("{} masks, but {} classes; one class, or one a mask, is needed",
                              masks.size(), classes.size()));
    for (std::size_t i = 0; i < masks.size(); ++i) {
      add_class(classes[i]);
      entry.masks.push_back({folder_ / masks[i], classes[i]});
    }
    for (const std::string& column : class_columns_)
      for (const std::string& mask : manifest_parts(text(row, column)))
        entry.masks.push_back({folder_ / mask, column.substr(kMaskColumn.size())});
  }
  void add(std::size_t row, ManifestEntry entry) {
    const auto [place, is_new] = places_.try_emplace(entry.sample, found_.entries.size());
    if (is_new) {
      found_.entries.push_back(std::move(entry));
      return;
    }
    ManifestEntry& earlier = found_.entries[place->second];
    if (entry.images != earlier.images)
      refuse(row, fmt::format("sample {} has another image in {}; a column `sample` gives each its "
                              "own name",
                              entry.sample, earlier.place));
    if (entry.patient != earlier.patient || entry.group != earlier.group ||
        entry.source != earlier.source || entry.fold != earlier.fold)
      refuse(row, fmt::format("patient, group, source or fold differ from {}; one sample has one "
                              "of each",
                              earlier.place));
    if (found_.masks == ManifestMasks::kLabelMaps || entry.masks.empty())
      refuse(row, fmt::format("sample {} stands already in {}", entry.sample, earlier.place));
    std::ranges::move(entry.masks, std::back_inserter(earlier.masks));
  }

  static constexpr std::string_view kKnown[] = {"sample", "image",  "mask", "patient",
                                                "group",  "source", "fold", "class"};
  const CsvTable& table_;
  std::filesystem::path folder_;
  std::vector<std::string> class_columns_;
  bool says_classes_ = false;
  std::map<std::string, std::size_t> places_;
  Manifest found_;
};

}  // namespace

Manifest read_manifest_csv(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  if (!table.has("image"))
    throw std::invalid_argument(fmt::format("[{}] no column image, but {}; it is needed",
                                            path.string(), fmt::join(table.columns(), ", ")));
  return ManifestRows(table, path.parent_path()).read();
}

}  // namespace medsweep::datasets
