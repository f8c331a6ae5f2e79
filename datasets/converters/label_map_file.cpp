#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/files.h"
#include "datasets/converters/csv.h"
#include "datasets/converters/label_map.h"
#include "datasets/converters/source_tree.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::array kCodeColumns{"code", "label", "index", "number", "id", "value"};
constexpr std::array kNameColumns{"name", "class", "structure", "region"};

struct MapContent {
  std::vector<LabelMap::Entry> entries;
  LabelMap::Others others = LabelMap::Others::kRefused;
};

std::string trimmed_text(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::optional<std::int64_t> code_in(const std::string& text) {
  std::int64_t code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return code;
}

/// `where` is "[file, line N]".
void add_entry(MapContent& content, const std::string& code, const std::string& name,
               const std::string& where) {
  const std::string plain = plain_name(trimmed_text(name));
  if (plain.empty())
    throw std::invalid_argument(fmt::format("{} code {} without a name", where, code));
  if (code == "*") {
    if (plain != "background")
      throw std::invalid_argument(
          fmt::format("{} * is called '{}'; background is allowed", where, plain));
    content.others = LabelMap::Others::kBackground;
    return;
  }
  const std::optional<std::int64_t> number = code_in(code);
  if (!number)
    throw std::invalid_argument(
        fmt::format("{} code '{}'; a whole number or * is allowed", where, code));
  content.entries.push_back({*number, plain});
}

/// The first of the columns that is there, in any case.
std::string column_of(const CsvTable& table, std::span<const char* const> known,
                      const fs::path& path) {
  for (const char* wanted : known)
    for (const std::string& column : table.columns()) {
      std::string lower = column;
      std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
      if (lower == wanted) return column;
    }
  throw std::invalid_argument(
      fmt::format("[{}] no column '{}'; a label map has the columns code and name", path.string(),
                  known.front()));
}

MapContent map_from_csv(const fs::path& path) {
  const CsvTable table = read_csv(path);
  const std::string code = column_of(table, kCodeColumns, path);
  const std::string name = column_of(table, kNameColumns, path);
  MapContent content;
  for (std::size_t row = 0; row < table.rows(); ++row)
    add_entry(content, table.at(row, code), table.at(row, name), table.place(row));
  return content;
}

/// What stands between two texts; nothing where one of them is missing.
std::optional<std::string> text_between(const std::string& text, const std::string& open,
                                        const std::string& close) {
  const std::size_t from = text.find(open);
  if (from == std::string::npos) return std::nullopt;
  const std::size_t to = text.find(close, from);
  if (to == std::string::npos) return std::nullopt;
  return text.substr(from + open.size(), to - from - open.size());
}

/// Only this one form: elements <Label> with a <Name> and a <Number>, in either order.
MapContent map_from_xml(const fs::path& path) {
  const std::string text = read_file(path);
  MapContent content;
  std::size_t number = 0;
  for (std::size_t at = text.find("<Label>"); at != std::string::npos;
       at = text.find("<Label>", at + 1)) {
    const std::string where = fmt::format("[{}, label {}]", path.string(), ++number);
    const std::string inside =
        text_between(text.substr(at, 4096), "<Label>", "</Label>").value_or("");
    const auto name = text_between(inside, "<Name>", "</Name>");
    const auto code = text_between(inside, "<Number>", "</Number>");
    if (!name || !code)
      throw std::invalid_argument(
          fmt::format("{} a <Label> without <Name> or <Number>; both are needed", where));
    add_entry(content, trimmed_text(*code), *name, where);
  }
  return content;
}

bool all_are_numbers(const std::string& text) {
  return text.find_first_not_of("0123456789. \t\r") == std::string::npos;
}

/// "name 245 245 245 0", "255 0 0 1 1 1 \"name\"" (ITK-SNAP) or "a name of words".
std::string name_behind(const std::string& rest) {
  const std::size_t quote = rest.find('"');
  if (quote != std::string::npos)
    return rest.substr(quote + 1, rest.find('"', quote + 1) - quote - 1);
  const std::size_t blank = rest.find_first_of(" \t");
  if (blank != std::string::npos && all_are_numbers(rest.substr(blank)))
    return rest.substr(0, blank);
  return rest;
}

MapContent map_from_lines(const fs::path& path) {
  MapContent content;
  std::string text = read_file(path);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);  // a byte-order mark
  std::istringstream lines(text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    line = trimmed_text(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const std::size_t blank = std::min(line.find_first_of(" \t"), line.size());
    const std::string code = line.substr(0, blank);
    const bool is_header =
        content.entries.empty() && std::ranges::find(kCodeColumns, code) != kCodeColumns.end();
    if (is_header) continue;
    add_entry(content, code, name_behind(trimmed_text(line.substr(blank))),
              fmt::format("[{}, line {}]", path.string(), number));
  }
  return content;
}

}  // namespace

LabelMap read_label_map(const fs::path& path) {
  if (!fs::is_regular_file(path))
    throw std::invalid_argument(
        fmt::format("[{}] no such file; a label map is needed", path.string()));
  const std::string ending = ending_of(path);
  const MapContent content = ending == ".csv"   ? map_from_csv(path)
                             : ending == ".xml" ? map_from_xml(path)
                                                : map_from_lines(path);
  try {
    return LabelMap(content.entries, content.others);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(fmt::format("[{}] {}", path.string(), error.what()));
  }
}

}  // namespace medsweep::datasets
