#include "datasets/class_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/catalog.h"

namespace medsweep::datasets {

void check_distinct(const std::string& task, std::vector<std::string> classes) {
  if (classes.empty())
    throw std::invalid_argument(
        fmt::format("[classes] task '{}' has no classes; at least one is needed", task));
  std::ranges::sort(classes);
  if (const auto twice = std::ranges::adjacent_find(classes); twice != classes.end())
    throw std::invalid_argument(
        fmt::format("[classes] '{}' stands twice; once is allowed", *twice));
}

std::size_t stored_label(const PoolMember& member, const std::string& name) {
  const auto found = std::ranges::find(member.classes, name);
  if (found != member.classes.end())
    return static_cast<std::size_t>(found - member.classes.begin()) + 1;
  const std::vector<std::string_view> known(member.classes.begin(), member.classes.end());
  const std::string where = fmt::format("classes of '{}'", member.name);
  if (known.empty())
    throw std::invalid_argument(fmt::format("[{}] no classes; '{}' was asked", where, name));
  throw std::invalid_argument(unknown_name(where, name, known));
}

std::vector<std::string> parts_of(const PoolMember& member, const std::string& name) {
  const auto region = std::ranges::find(member.regions, name, &Region::name);
  if (region == member.regions.end() ||
      std::ranges::find(member.classes, name) != member.classes.end())
    return {name};
  std::vector<std::string> parts;
  for (const std::int64_t label : region->labels)
    parts.push_back(member.classes.at(static_cast<std::size_t>(label - 1)));
  return parts;
}

}  // namespace medsweep::datasets
