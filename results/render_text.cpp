#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "results/render.h"

namespace medsweep::results {
namespace {

struct LetterRange {
  char32_t first, last;
};
constexpr std::array kNoColumn{LetterRange{0x300, 0x36F},   LetterRange{0x1AB0, 0x1AFF},
                               LetterRange{0x200B, 0x200F}, LetterRange{0x20D0, 0x20FF},
                               LetterRange{0xFE00, 0xFE0F}, LetterRange{0xFE20, 0xFE2F}};
constexpr std::array kTwoColumns{LetterRange{0x1100, 0x115F},   LetterRange{0x2E80, 0x303E},
                                 LetterRange{0x3041, 0xA4CF},   LetterRange{0xAC00, 0xD7A3},
                                 LetterRange{0xF900, 0xFAFF},   LetterRange{0xFE30, 0xFE6F},
                                 LetterRange{0xFF00, 0xFF60},   LetterRange{0xFFE0, 0xFFE6},
                                 LetterRange{0x1F300, 0x1FAFF}, LetterRange{0x20000, 0x3FFFD}};

template <std::size_t N>
bool is_in(const std::array<LetterRange, N>& ranges, char32_t letter) {
  return std::ranges::any_of(
      ranges, [&](const LetterRange& r) { return letter >= r.first && letter <= r.last; });
}

// Takes one letter off the front of `text`.
char32_t take_letter(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t letter = size == 1 ? lead : lead & (0x7FU >> size);
  std::size_t used = 1;
  for (; used < std::min(size, text.size()); ++used) {
    const auto byte = static_cast<unsigned char>(text[used]);
    if ((byte & 0xC0U) != 0x80U) break;
    letter = (letter << 6U) | (byte & 0x3FU);
  }
  text.remove_prefix(used);
  return letter;
}

int decimals_of(const std::string& metric) {
  const bool is_coarse = metric.ends_with("_mm") || metric.find("seconds") != std::string::npos;
  return is_coarse ? 2 : 3;
}

// Why a field has no number.
std::string state_text(const Cell& cell) {
  if (cell.all() == 0) return "–";
  if (cell.failed > 0) return fmt::format("failed: {}", cell.failure);
  if (cell.running > 0) return "running";
  if (cell.stopped > 0) return "stopped";
  if (cell.planned > 0) return "missing";
  return cell.undefined > 0 ? "undefined" : "no value";
}

std::string suffix_of(const Cell& cell) {
  if (cell.done == cell.all()) return "";
  return fmt::format(" ({} of {}{})", cell.done, cell.all(),
                     cell.failed > 0 ? fmt::format("; {} failed", cell.failed) : "");
}

std::vector<std::string> headings_of(const Table& table) {
  std::vector<std::string> headings = table.row_keys;
  for (const TableColumn& column : table.columns) {
    std::string heading = fmt::format("{}", fmt::join(column.labels, " "));
    heading += (heading.empty() ? "" : " ") + column.metric;
    if (table.layout == TableLayout::kSeeds) {
      headings.push_back(heading);
      continue;
    }
    for (const char* what : {"mean", "min", "max"})
      headings.push_back(fmt::format("{} {}", heading, what));
  }
  headings.emplace_back("cases");
  headings.emplace_back("n");
  return headings;
}

void add_fields(const Cell& cell, const TableColumn& column, TableLayout layout,
                std::vector<std::string>& fields) {
  fields.push_back(cell_text(cell, column, layout));
  if (layout == TableLayout::kSeeds) return;
  for (const auto& number : {cell.smallest, cell.largest})
    fields.push_back(number ? fmt::format("{:.{}f}", *number, decimals_of(column.metric)) : "–");
}

std::string span_of(std::int64_t least, std::int64_t most) {
  return least == most ? fmt::format("{}", least) : fmt::format("{}..{}", least, most);
}

// Cases and seeds behind a row: of its best and its worst field.
void add_counts(const TableRow& row, std::vector<std::string>& fields) {
  const auto [fewest, most] = std::ranges::minmax(row.cells, {}, &Cell::cases);
  const auto [least, largest] = std::ranges::minmax(row.cells, {}, &Cell::seeds);
  fields.push_back(span_of(fewest.cases, most.cases));
  const auto folds = std::ranges::max(row.cells, {}, &Cell::folds).folds;
  fields.push_back(span_of(least.seeds, largest.seeds) +
                   (folds > 0 ? fmt::format("×{}", folds) : ""));
}

std::vector<std::string> notes_of(const Table& table) {
  std::int64_t undefined = 0;
  bool one_seed = false, has_spread = false;
  for (const TableRow& row : table.rows)
    for (const Cell& cell : row.cells) {
      undefined += cell.undefined;
      one_seed |= cell.mean && cell.seeds == 1;
      has_spread |= cell.spread.has_value() && table.layout == TableLayout::kSeeds;
    }
  std::vector<std::string> notes{fmt::format("{} split; n: seeds{}", table.split,
                                             has_spread ? "; ±: standard deviation" : "")};
  if (one_seed) notes.emplace_back("n = 1: no claim");
  if (undefined > 0) notes.push_back(fmt::format("undefined values left out: {}", undefined));
  notes.insert(notes.end(), table.remarks.begin(), table.remarks.end());
  return notes;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const char32_t letter = take_letter(text);
    if (!is_in(kNoColumn, letter)) width += is_in(kTwoColumns, letter) ? 2 : 1;
  }
  return width;
}

std::string cell_text(const Cell& cell, const TableColumn& column, TableLayout layout) {
  if (!cell.mean) return state_text(cell);
  const int decimals = decimals_of(column.metric);
  std::string text = fmt::format("{:.{}f}", *cell.mean, decimals);
  if (layout == TableLayout::kSeeds && cell.spread)
    text += fmt::format(" ± {:.{}f}", *cell.spread, decimals);
  return text + suffix_of(cell);
}

TableText table_text(const Table& table) {
  TableText text{headings_of(table), {}, notes_of(table)};
  for (const TableRow& row : table.rows) {
    std::vector<std::string> fields = row.labels;
    if (row.is_baseline && !fields.empty()) fields.back() += " (baseline)";
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      add_fields(row.cells[i], table.columns[i], table.layout, fields);
    add_counts(row, fields);
    text.rows.push_back(std::move(fields));
  }
  return text;
}

}  // namespace medsweep::results
