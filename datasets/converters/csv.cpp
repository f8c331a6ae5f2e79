#include "datasets/converters/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "base/files.h"

namespace medsweep::datasets {
namespace {

/// Walks over the text once, row by row, and counts lines.
class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& where) : text_(text), where_(where) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    if (text_.find('\0') != std::string_view::npos)
      throw std::invalid_argument(
          fmt::format("[{}] a table with NUL bytes; text in UTF-8 is allowed", where_));
  }

  /// The next row that is not blank and the line it begins on; an empty row at the end.
  std::pair<std::vector<std::string>, std::size_t> next() {
    while (position_ < text_.size()) {
      const std::size_t line = line_;
      bool quoted = false;
      std::vector<std::string> fields{field(quoted)};
      while (position_ < text_.size() && text_[position_] == ',') {
        ++position_;
        fields.push_back(field(quoted));
      }
      end_line();
      if (fields.size() > 1 || quoted || !fields[0].empty()) return {std::move(fields), line};
    }
    return {};
  }

 private:
  bool at_end_of_line() const {
    return position_ >= text_.size() || text_[position_] == '\n' || text_[position_] == '\r';
  }
  void skip_blanks() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\t'))
      ++position_;
  }
  void end_line() {
    if (position_ >= text_.size()) return;
    if (text_[position_] == '\r' && text_.substr(position_ + 1).starts_with('\n')) ++position_;
    ++position_;
    ++line_;
  }

  std::string field(bool& quoted) {
    skip_blanks();
    if (position_ < text_.size() && text_[position_] == '"') {
      quoted = true;
      return quoted_field();
    }
    const std::size_t begin = position_;
    while (!at_end_of_line() && text_[position_] != ',') ++position_;
    std::string_view found = text_.substr(begin, position_ - begin);
    while (found.ends_with(' ') || found.ends_with('\t')) found.remove_suffix(1);
    return std::string(found);
  }

  std::string quoted_field() {
    const std::size_t line = line_;
    std::string found;
    for (++position_;; ++position_) {
      if (position_ >= text_.size())
        throw std::invalid_argument(
            fmt::format("[{}, line {}] a quote that is not closed", where_, line));
      if (text_[position_] == '"') {
        if (!text_.substr(position_ + 1).starts_with('"')) break;
        ++position_;
      } else if (text_[position_] == '\n' ||
                 (text_[position_] == '\r' && !text_.substr(position_ + 1).starts_with('\n'))) {
        ++line_;
      }
      found += text_[position_];
    }
    ++position_;
    skip_blanks();
    if (!at_end_of_line() && text_[position_] != ',')
      throw std::invalid_argument(
          fmt::format("[{}, line {}] text behind a closing quote; a comma or the line's end is "
                      "allowed",
                      where_, line_));
    return found;
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t position_ = 0, line_ = 1;
};

}  // namespace

CsvTable::CsvTable(std::string_view text, std::string where) : where_(std::move(where)) {
  CsvReader reader(text, where_);
  columns_ = reader.next().first;
  if (columns_.empty())
    throw std::invalid_argument(
        fmt::format("[{}] an empty table; a line with the columns' names is needed", where_));
  for (auto column = columns_.begin(); column != columns_.end(); ++column)
    if (std::find(columns_.begin(), column, *column) != column)
      throw std::invalid_argument(fmt::format("[{}] two columns '{}'", where_, *column));
  for (auto [row, line] = reader.next(); !row.empty(); std::tie(row, line) = reader.next()) {
    if (row.size() != columns_.size())
      throw std::invalid_argument(fmt::format("[{}, line {}] {} fields, but {} columns", where_,
                                              line, row.size(), columns_.size()));
    rows_.push_back(std::move(row));
    lines_.push_back(line);
  }
}

bool CsvTable::has(std::string_view column) const {
  return std::ranges::find(columns_, column) != columns_.end();
}

const std::string& CsvTable::at(std::size_t row, std::string_view column) const {
  const auto found = std::ranges::find(columns_, column);
  if (found == columns_.end())
    throw std::invalid_argument(fmt::format("[{}] no column '{}'; there are {}", where_, column,
                                            fmt::join(columns_, ", ")));
  return rows_.at(row)[static_cast<std::size_t>(found - columns_.begin())];
}

double CsvTable::number(std::size_t row, std::string_view column) const {
  const std::string& text = at(row, column);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    throw std::invalid_argument(
        fmt::format("{} column {}: '{}'; a number is allowed", place(row), column, text));
  return value;
}

std::string CsvTable::place(std::size_t row) const {
  return fmt::format("[{}, line {}]", where_, lines_.at(row));
}

CsvTable read_csv(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    throw std::invalid_argument(fmt::format("[{}] no such file", path.string()));
  return {read_file(path), path.string()};
}

}  // namespace medsweep::datasets
