#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace medsweep {

/// One row of a kind's table.
///
/// name: what it is called in a study; it never changes, results refer to it.
/// short_label: how it stands in a trial's name, `r50`.
/// sources: the file pair behind it, without its ending, `models/segmentation/unet`; a digest of
///     it and of what it includes is part of the identity of every trial that uses the row.
template <typename Make>
struct Entry {
  std::string_view name;
  std::string_view short_label;
  std::string_view sources;
  Make make;
  std::string_view sentence;
};

/// A row without its factory: what error texts, `runner list`, the study language and the tests
/// read.
struct Row {
  std::string_view name, short_label, sources, sentence;
};

/// The rows of a table, in its order.
template <typename Make, std::size_t N>
std::vector<Row> rows_of(const std::array<Entry<Make>, N>& table) {
  std::vector<Row> rows;
  for (const auto& entry : table)
    rows.push_back({entry.name, entry.short_label, entry.sources, entry.sentence});
  return rows;
}

/// True when no two rows share a name or a short label. Use in a static_assert beside the table.
template <typename Make, std::size_t N>
constexpr bool names_are_unique(const std::array<Entry<Make>, N>& table) {
  for (std::size_t i = 0; i < N; ++i)
    for (std::size_t j = i + 1; j < N; ++j)
      if (table[i].name == table[j].name || table[i].short_label == table[j].short_label)
        return false;
  return true;
}

/// The known name with the smallest edit distance to `name`; empty when none is known.
std::string_view nearest(std::string_view name, std::span<const std::string_view> known);

/// "[attention] unknown name 'sse'; did you mean 'se'? known: none se cbam"
std::string unknown_name(std::string_view kind, std::string_view name,
                         std::span<const std::string_view> known);

/// The row called `name`. Throws std::invalid_argument that names the nearest row and all others.
template <typename Make, std::size_t N>
const Entry<Make>& find(std::string_view kind, const std::array<Entry<Make>, N>& table,
                        std::string_view name);

}  // namespace medsweep

#include "base/catalog.inl"
