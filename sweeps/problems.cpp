#include "sweeps/problems.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/catalog.h"

namespace medsweep::sweeps {

void Problems::add(std::string text) {
  if (std::ranges::find(texts_, text) == texts_.end()) texts_.push_back(std::move(text));
}

std::string suggestion(std::string_view name, std::span<const std::string_view> known) {
  const std::string_view near = nearest(name, known);
  return near.empty() ? "" : fmt::format("; did you mean '{}'?", near);
}

void check_keys(const Table& table, std::string_view where, std::span<const std::string_view> known,
                Problems& problems) {
  for (const Member& member : table)
    if (std::ranges::find(known, std::string_view(member.key)) == known.end())
      problems.add(member.at, "[{}] unknown key '{}'{} known: {}", where, member.key,
                   suggestion(member.key, known), fmt::join(known, " "));
}

}  // namespace medsweep::sweeps
