#include "datasets/converters/rsna_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "datasets/converters/csv.h"

namespace medsweep::datasets {
namespace {

/// "No Lung Opacity / Not Normal" -> "no_lung_opacity_not_normal".
std::string rsna_group(const std::string& text) {
  std::string group;
  for (const char c : text) {
    const auto letter = static_cast<unsigned char>(c);
    if (std::isalnum(letter) != 0)
      group += static_cast<char>(std::tolower(letter));
    else if (!group.empty() && group.back() != '_')
      group += '_';
  }
  while (group.ends_with('_')) group.pop_back();
  return group;
}

/// Goes through the rows; images with an error are taken out at the end.
class RsnaRows {
 public:
  explicit RsnaRows(const CsvTable& table) : table_(table) {}

  RsnaTable read() {
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      const std::string& id = table_.at(row, "patientId");
      try {
        add(row, id);
      } catch (const std::invalid_argument& error) {
        found_.errors.emplace_back(error.what());
        bad_.insert(id);
      }
    }
    return std::move(found_);
  }
  const std::set<std::string>& bad() const { return bad_; }

 private:
  [[noreturn]] void refuse(std::size_t row, const std::string& what) const {
    throw std::invalid_argument(fmt::format("{} {}", table_.place(row), what));
  }

  void add(std::size_t row, const std::string& id) {
    if (id.empty()) refuse(row, "an empty patientId; the name of an image is needed");
    const std::string& target = table_.at(row, "Target");
    if (target != "0" && target != "1") refuse(row, "its Target is neither 0 nor 1");
    const bool opacity = target == "1";
    const bool box = std::ranges::any_of(
        kBox, [&](const char* column) { return !table_.at(row, column).empty(); });
    if (opacity != box)
      refuse(row, opacity ? "Target 1 without a box" : "a box, but Target 0; 1 is needed");
    std::string text = id;
    for (const char* column : kBox) text += "," + table_.at(row, column);
    if (!rows_.insert(text).second) return note_duplicate(row);
    auto [place, is_new] = places_.try_emplace(id, found_.images.size());
    if (is_new) found_.images.push_back({.id = id, .opacity = opacity});
    RsnaImage& image = found_.images[place->second];
    if (image.opacity != opacity) refuse(row, "its Target contradicts an earlier row of its image");
    if (opacity) image.boxes.push_back(box_of(row));
  }

  void note_duplicate(std::size_t row) {
    if (found_.duplicates++ == 0) found_.first_duplicate = table_.place(row);
  }

  RsnaBox box_of(std::size_t row) {
    const RsnaBox box{.x = table_.number(row, "x"),
                      .y = table_.number(row, "y"),
                      .width = table_.number(row, "width"),
                      .height = table_.number(row, "height"),
                      .place = table_.place(row)};
    if (box.width <= 0 || box.height <= 0)
      refuse(row,
             fmt::format("a box of {} x {}; one with an area is needed", box.width, box.height));
    ++found_.boxes;
    return box;
  }

  static constexpr const char* kBox[] = {"x", "y", "width", "height"};
  const CsvTable& table_;
  RsnaTable found_;
  std::map<std::string, std::size_t> places_;
  std::set<std::string> rows_, bad_;
};

/// One row a box here as well: rows that agree are one.
void read_groups(const CsvTable& table, RsnaTable& found, std::set<std::string>& bad) {
  std::map<std::string, std::string> groups;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& id = table.at(row, "patientId");
    const std::string group = rsna_group(table.at(row, "class"));
    if (groups.try_emplace(id, group).first->second == group) continue;
    found.errors.push_back(
        fmt::format("{} its class contradicts an earlier row of its image", table.place(row)));
    bad.insert(id);
  }
  for (RsnaImage& image : found.images)
    if (const auto group = groups.find(image.id); group != groups.end() && !group->second.empty())
      image.group = group->second;
}

}  // namespace

RsnaTable read_rsna_table(const std::filesystem::path& labels,
                          const std::filesystem::path& classes) {
  const CsvTable table = read_csv(labels);
  for (const char* column : {"patientId", "x", "y", "width", "height", "Target"})
    if (!table.has(column))
      throw std::invalid_argument(
          fmt::format("[{}] no column {}; patientId, x, y, width, height and Target are needed",
                      labels.string(), column));
  RsnaRows rows(table);
  RsnaTable found = rows.read();
  std::set<std::string> bad = rows.bad();
  for (RsnaImage& image : found.images)
    image.group = image.opacity ? "lung_opacity" : "no_lung_opacity";
  if (!classes.empty()) read_groups(read_csv(classes), found, bad);
  std::erase_if(found.images, [&](const RsnaImage& image) { return bad.contains(image.id); });
  return found;
}

}  // namespace medsweep::datasets
