#include "results/render.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <utility>

#include "base/catalog.h"

namespace medsweep::results {
namespace {

constexpr std::array<std::string_view, 6> kFormats{"terminal", "markdown", "csv",
                                                   "latex",    "html",     "json"};

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, display_width(text)), ' ');
}

std::string joined_line(const std::vector<std::string>& fields,
                        const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i)
    line += (i == 0 ? "" : "  ") + padded(fields[i], widths[i]);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

std::string terminal(const Table& table) {
  const TableText text = table_text(table);
  std::vector<std::size_t> widths;
  for (const std::string& heading : text.headings) widths.push_back(display_width(heading));
  for (const auto& row : text.rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i]));
  std::string lines = table.caption.empty() ? "" : table.caption + "\n";
  lines += joined_line(text.headings, widths);
  std::size_t total = 2 * (widths.size() - 1);
  for (const std::size_t width : widths) total += width;
  for (std::size_t i = 0; i < total; ++i) lines += "─";
  lines += '\n';
  for (const auto& row : text.rows) lines += joined_line(row, widths);
  for (const std::string& note : text.notes) lines += note + '\n';
  return lines;
}

// Puts the escape of each letter that has one.
std::string escaped(std::string_view text,
                    std::span<const std::pair<char, std::string_view>> escapes) {
  std::string result;
  for (const char letter : text) {
    const auto escape =
        std::ranges::find(escapes, letter, &std::pair<char, std::string_view>::first);
    if (escape == escapes.end())
      result += letter;
    else
      result += escape->second;
  }
  return result;
}

std::string for_markdown(std::string_view text) {
  static constexpr std::array<std::pair<char, std::string_view>, 8> kEscapes{{{'|', "\\|"},
                                                                              {'*', "\\*"},
                                                                              {'_', "\\_"},
                                                                              {'`', "\\`"},
                                                                              {'<', "&lt;"},
                                                                              {'&', "&amp;"},
                                                                              {'\\', "\\\\"},
                                                                              {'\n', " "}}};
  return escaped(text, kEscapes);
}

std::string for_latex(std::string_view text) {
  static constexpr std::array<std::pair<char, std::string_view>, 14> kEscapes{
      {{'&', "\\&"},
       {'%', "\\%"},
       {'$', "\\$"},
       {'#', "\\#"},
       {'_', "\\_"},
       {'{', "\\{"},
       {'}', "\\}"},
       {'~', "\\textasciitilde{}"},
       {'<', "\\textless{}"},
       {'>', "\\textgreater{}"},
       {'|', "\\textbar{}"},
       {'^', "\\textasciicircum{}"},
       {'\\', "\\textbackslash{}"},
       {'\n', " "}}};
  std::string text_escaped = escaped(text, kEscapes);
  for (const auto& [from, to] :
       {std::pair<std::string_view, std::string_view>{"±", "$\\pm$"}, {"–", "--"}})
    for (std::size_t at = 0; (at = text_escaped.find(from, at)) != std::string::npos;
         at += to.size())
      text_escaped.replace(at, from.size(), to);
  return text_escaped;
}

template <typename Escape>
std::vector<std::string> each(const std::vector<std::string>& texts, Escape escape) {
  std::vector<std::string> result;
  for (const std::string& text : texts) result.push_back(escape(text));
  return result;
}

std::string markdown(const Table& table) {
  const TableText text = table_text(table);
  std::string lines =
      table.caption.empty() ? "" : fmt::format("**{}**\n\n", for_markdown(table.caption));
  lines += fmt::format("| {} |\n|", fmt::join(each(text.headings, for_markdown), " | "));
  for (std::size_t i = 0; i < text.headings.size(); ++i)
    lines += i < table.row_keys.size() ? " --- |" : " ---: |";
  lines += '\n';
  for (const auto& row : text.rows)
    lines += fmt::format("| {} |\n", fmt::join(each(row, for_markdown), " | "));
  for (const std::string& note : text.notes) lines += fmt::format("\n{}\n", for_markdown(note));
  return lines;
}

std::string latex(const Table& table) {
  const TableText text = table_text(table);
  const std::size_t keys = std::min(table.row_keys.size(), text.headings.size());
  std::string lines = "\\begin{table}\n\\centering\n";
  if (!table.caption.empty()) lines += fmt::format("\\caption{{{}}}\n", for_latex(table.caption));
  lines += fmt::format("\\begin{{tabular}}{{{}{}}}\n\\hline\n", std::string(keys, 'l'),
                       std::string(text.headings.size() - keys, 'r'));
  lines += fmt::format("{} \\\\\n\\hline\n", fmt::join(each(text.headings, for_latex), " & "));
  for (const auto& row : text.rows)
    lines += fmt::format("{} \\\\\n", fmt::join(each(row, for_latex), " & "));
  lines += "\\hline\n\\end{tabular}\n";
  for (const std::string& note : text.notes)
    lines += fmt::format("\n{{\\small {}}}\n", for_latex(note));
  return lines + "\\end{table}\n";
}

template <typename Render>
std::string one_after_the_other(const std::vector<Table>& tables, Render render_one) {
  std::string text;
  for (const Table& table : tables) text += (text.empty() ? "" : "\n") + render_one(table);
  return text;
}

}  // namespace

TableFormat table_format(std::string_view name) {
  const auto at = std::ranges::find(kFormats, name);
  if (at == kFormats.end()) throw std::invalid_argument(unknown_name("format", name, kFormats));
  return static_cast<TableFormat>(at - kFormats.begin());
}

std::string render(const std::vector<Table>& tables, TableFormat format) {
  switch (format) {
    case TableFormat::kTerminal:
      return one_after_the_other(tables, terminal);
    case TableFormat::kMarkdown:
      return one_after_the_other(tables, markdown);
    case TableFormat::kLatex:
      return one_after_the_other(tables, latex);
    case TableFormat::kCsv:
      return render_csv(tables);
    case TableFormat::kHtml:
      return render_html(tables);
    case TableFormat::kJson:
      return render_json(tables);
  }
  throw std::invalid_argument("[format] not a format of tables");
}

}  // namespace medsweep::results
