// CsvTable takes any bytes or refuses them as std::invalid_argument; a table that it takes, written
// with quotes around every field, reads the same again.
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include "datasets/converters/csv.h"

namespace {

using medsweep::datasets::CsvTable;

std::string quoted(const std::string& field) {
  std::string text = "\"";
  for (const char letter : field) text += letter == '"' ? "\"\"" : std::string(1, letter);
  return text + "\"";
}

std::string written(const CsvTable& table) {
  std::string text;
  for (std::size_t i = 0; i < table.columns().size(); ++i)
    text += (i == 0 ? "" : ",") + quoted(table.columns()[i]);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    text += '\n';
    for (std::size_t i = 0; i < table.columns().size(); ++i)
      text += (i == 0 ? "" : ",") + quoted(table.at(row, table.columns()[i]));
  }
  return text;
}

void check_same(const CsvTable& a, const CsvTable& b) {
  if (a.columns() != b.columns() || a.rows() != b.rows()) std::abort();
  for (std::size_t row = 0; row < a.rows(); ++row)
    for (const std::string& column : a.columns())
      if (a.at(row, column) != b.at(row, column)) std::abort();
}

void ask_for_numbers(const CsvTable& table) {
  for (std::size_t row = 0; row < table.rows(); ++row)
    for (const std::string& column : table.columns()) try {
        static_cast<void>(table.number(row, column));
      } catch (const std::invalid_argument&) {  // allowed: no number
      }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const CsvTable table({reinterpret_cast<const char*>(data), size}, "fuzz");
    check_same(table, CsvTable(written(table), "again"));
    ask_for_numbers(table);
  } catch (const std::invalid_argument&) {  // allowed: no table
  }
  return 0;
}
