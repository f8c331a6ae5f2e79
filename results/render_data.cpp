#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "results/render.h"

namespace medsweep::results {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kStyle =
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em}table{border-collapse:collapse;"
    "margin:0 0 1em}caption{text-align:left;font-weight:600;padding:.4em 0}th,td{padding:.3em .8em;"
    "border-bottom:1px solid #ccc;text-align:left}.number{text-align:right;"
    "font-variant-numeric:tabular-nums}.state{color:#a33}";

std::string for_html(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '&')
      result += "&amp;";
    else if (letter == '<')
      result += "&lt;";
    else if (letter == '>')
      result += "&gt;";
    else if (letter == '"')
      result += "&quot;";
    else
      result += letter;
  }
  return result;
}

// Spreadsheets take a leading = + - @ for a formula: a label must never be one.
std::string for_csv(const std::string& text) {
  std::string safe = text;
  if (!safe.empty() && std::string_view("=+-@\t").find(safe.front()) != std::string_view::npos)
    safe.insert(0, "'");
  if (safe.find_first_of(",\"\r\n") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char letter : safe)
    quoted += letter == '"' ? std::string("\"\"") : std::string(1, letter);
  return quoted + "\"";
}

std::string number_text(const std::optional<double>& number) {
  return number ? fmt::format("{}", *number) : "";
}

std::string html_row(const Table& table, const TableRow& row,
                     const std::vector<std::string>& fields) {
  const std::size_t keys = row.labels.size();
  const std::size_t per_cell = table.layout == TableLayout::kCases ? 3 : 1;
  std::string line = row.is_baseline ? "<tr class=\"baseline\">" : "<tr>";
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::size_t at = (i - keys) / per_cell;
    if (i < keys) {
      line += fmt::format("<th scope=\"row\">{}</th>", for_html(fields[i]));
    } else if (at < row.cells.size()) {
      line += fmt::format("<td class=\"{}\" data-trials=\"{}\">{}</td>",
                          row.cells[at].mean ? "number" : "number state",
                          for_html(fmt::format("{}", fmt::join(row.cells[at].trials, " "))),
                          for_html(fields[i]));
    } else {
      line += fmt::format("<td class=\"number\">{}</td>", for_html(fields[i]));
    }
  }
  return line + "</tr>\n";
}

std::string html_table(const Table& table) {
  const TableText text = table_text(table);
  std::string lines =
      fmt::format("<table>\n<caption>{}</caption>\n<thead><tr>", for_html(table.caption));
  for (const std::string& heading : text.headings)
    lines += fmt::format("<th scope=\"col\">{}</th>", for_html(heading));
  lines += "</tr></thead>\n<tbody>\n";
  for (std::size_t i = 0; i < text.rows.size(); ++i)
    lines += html_row(table, table.rows[i], text.rows[i]);
  lines += "</tbody>\n</table>\n";
  for (const std::string& note : text.notes) lines += fmt::format("<p>{}</p>\n", for_html(note));
  return lines;
}

Json json_of(const std::optional<double>& number) { return number ? Json(*number) : Json(); }

Json json_cell(const Cell& cell, const TableColumn& column, TableLayout layout) {
  return {{"text", cell_text(cell, column, layout)},
          {"mean", json_of(cell.mean)},
          {"spread", json_of(cell.spread)},
          {"min", json_of(cell.smallest)},
          {"max", json_of(cell.largest)},
          {"cases", cell.cases},
          {"undefined", cell.undefined},
          {"seeds", cell.seeds},
          {"folds", cell.folds},
          {"done", cell.done},
          {"failed", cell.failed},
          {"running", cell.running},
          {"stopped", cell.stopped},
          {"planned", cell.planned},
          {"trials", cell.trials}};
}

std::string csv_heading(const Table& table) {
  std::string line = "caption,split,";
  for (const auto* keys : {&table.row_keys, &table.column_keys})
    for (const std::string& key : *keys) line += for_csv(key) + ",";
  return line +
         "metric,mean,spread,min,max,cases,undefined,seeds,folds,done,trials_planned,state,"
         "trials\n";
}

}  // namespace

std::string render_html(const std::vector<Table>& tables) {
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title>"
      "<style>{}</style></head>\n<body>\n",
      for_html(tables.empty() ? "" : tables.front().caption), kStyle);
  for (const Table& table : tables) page += html_table(table);
  return page + "</body>\n</html>\n";
}

std::string render_csv(const std::vector<Table>& tables) {
  std::string lines, heading;
  for (const Table& table : tables) {
    if (csv_heading(table) != heading) lines += heading = csv_heading(table);
    for (const TableRow& row : table.rows)
      for (std::size_t i = 0; i < row.cells.size(); ++i) {
        const Cell& cell = row.cells[i];
        lines += for_csv(table.caption) + "," + for_csv(table.split) + ",";
        for (const auto* labels : {&row.labels, &table.columns[i].labels})
          for (const std::string& label : *labels) lines += for_csv(label) + ",";
        lines += fmt::format(
            "{},{},{},{},{},{},{},{},{},{},{},{},{}\n", for_csv(table.columns[i].metric),
            number_text(cell.mean), number_text(cell.spread), number_text(cell.smallest),
            number_text(cell.largest), cell.cases, cell.undefined, cell.seeds, cell.folds,
            cell.done, cell.all(),
            for_csv(cell.mean ? "" : cell_text(cell, table.columns[i], table.layout)),
            fmt::join(cell.trials, " "));
      }
  }
  return lines;
}

std::string render_json(const std::vector<Table>& tables) {
  Json document = Json::array();
  for (const Table& table : tables) {
    Json columns = Json::array(), rows = Json::array();
    for (const TableColumn& column : table.columns)
      columns.push_back({{"labels", column.labels}, {"metric", column.metric}});
    for (const TableRow& row : table.rows) {
      Json cells = Json::array();
      for (std::size_t i = 0; i < row.cells.size(); ++i)
        cells.push_back(json_cell(row.cells[i], table.columns[i], table.layout));
      rows.push_back(
          {{"labels", row.labels}, {"baseline", row.is_baseline}, {"cells", std::move(cells)}});
    }
    document.push_back({{"caption", table.caption},
                        {"split", table.split},
                        {"row_keys", table.row_keys},
                        {"column_keys", table.column_keys},
                        {"columns", std::move(columns)},
                        {"rows", std::move(rows)},
                        {"notes", table_text(table).notes}});
  }
  return document.dump(2) + "\n";
}

}  // namespace medsweep::results
