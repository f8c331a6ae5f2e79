#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace medsweep::datasets {

/// A table of texts with a header line, as RFC 4180 has it: commas, quotes around fields that hold
/// commas, quotes or line ends, quotes doubled within. Taken as well: a byte-order mark, Windows
/// and old Mac line ends, blank lines, blanks around unquoted fields, no line end after the last
/// row.
class CsvTable {
 public:
  /// `where` stands in error texts, a file's name. Throws std::invalid_argument "[where, line N]
  /// ..." for a row of another length than the header, a quote that is not closed, text behind a
  /// closing quote, two columns of one name, and an empty table.
  CsvTable(std::string_view text, std::string where);

  std::size_t rows() const { return rows_.size(); }
  const std::vector<std::string>& columns() const { return columns_; }
  bool has(std::string_view column) const;
  /// Throws std::invalid_argument that names the columns there are.
  const std::string& at(std::size_t row, std::string_view column) const;
  /// Throw std::invalid_argument "[where, line N] column x: 'abc'; a number is allowed".
  double number(std::size_t row, std::string_view column) const;
  /// "[where, line N]": of error texts.
  std::string place(std::size_t row) const;

 private:
  std::string where_;
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> lines_;  // of each row, from 1
};

/// Reads the file. Throws as above, and std::runtime_error for a file that cannot be read.
CsvTable read_csv(const std::filesystem::path& path);

}  // namespace medsweep::datasets
