#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "results/table.h"

namespace medsweep::results {

enum class TableFormat { kTerminal, kMarkdown, kCsv, kLatex, kHtml, kJson };

/// "terminal", "markdown", "csv", "latex", "html" or "json".
/// Throws std::invalid_argument that names the nearest one.
TableFormat table_format(std::string_view name);

/// The tables as one document. Texts are escaped for their format; HTML is one page that loads
/// nothing, its fields carry their trials in `data-trials`. CSV has one line for each field with
/// everything behind it, unrounded, under one heading line a table; JSON is a list of tables.
std::string render(const std::vector<Table>& tables, TableFormat format);

/// What a reader sees in a field: "0.812 ± 0.010", "0.812 (2 of 3 trials)", "failed:
/// out_of_memory", "running", "missing"; "–" where the study has no such trial.
std::string cell_text(const Cell& cell, const TableColumn& column, TableLayout layout);

/// The texts of a table: headings, one list of fields for each row, and the remarks under it.
struct TableText {
  std::vector<std::string> headings = {};
  std::vector<std::vector<std::string>> rows = {};
  std::vector<std::string> notes = {};
};
TableText table_text(const Table& table);

/// Columns that a text takes on a terminal: combining marks none, wide East Asian letters and
/// emoji two. Bytes that are not UTF-8 count one each.
std::size_t display_width(std::string_view text);

std::string render_html(const std::vector<Table>& tables);
std::string render_csv(const std::vector<Table>& tables);
std::string render_json(const std::vector<Table>& tables);

}  // namespace medsweep::results
