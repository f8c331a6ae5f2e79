#include "sweeps/toml_reading.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "base/files.h"

namespace medsweep::sweeps {
namespace {

using FilePointer = std::shared_ptr<const SourceFile>;

Position position_of(const toml::source_region& region, const FilePointer& file) {
  return {file, region.begin.line, region.begin.column};
}

Value value_of(const toml::node& node, const FilePointer& file);

Array array_of(const toml::array& array, const FilePointer& file) {
  Array values;
  for (const toml::node& node : array) values.push_back(value_of(node, file));
  return values;
}

// toml++ iterates alphabetically; the order of the file is that of the keys' positions.
Table table_of(const toml::table& table, const FilePointer& file) {
  Table members;
  for (const auto& [key, node] : table)
    members.push_back(
        {std::string(key.str()), position_of(key.source(), file), value_of(node, file)});
  std::ranges::sort(members, {}, [](const Member& member) {
    return std::tuple(member.at.line, member.at.column);
  });
  return members;
}

Value value_of(const toml::node& node, const FilePointer& file) {
  const Position at = position_of(node.source(), file);
  switch (node.type()) {
    case toml::node_type::boolean:
      return {node.as_boolean()->get(), at};
    case toml::node_type::integer:
      return {node.as_integer()->get(), at};
    case toml::node_type::floating_point:
      return {node.as_floating_point()->get(), at};
    case toml::node_type::string:
      return {node.as_string()->get(), at};
    case toml::node_type::array:
      return {array_of(*node.as_array(), file), at};
    case toml::node_type::table:
      return {table_of(*node.as_table(), file), at};
    default:
      throw std::invalid_argument(
          fmt::format("{}: a date or time; write it as a \"string\"", at.text()));
  }
}

}  // namespace

Value parse_toml(std::string_view text, SourceFile file) {
  const auto shared = std::make_shared<const SourceFile>(std::move(file));
  try {
    return {table_of(toml::parse(text, shared->name), shared), {shared, 1, 1}};
  } catch (const toml::parse_error& error) {
    throw std::invalid_argument(
        fmt::format("{}: {}", position_of(error.source(), shared).text(), error.description()));
  }
}

Value read_toml(const std::filesystem::path& path, std::int64_t depth) {
  return parse_toml(read_file(path), {path.filename().string(), path.parent_path(), depth});
}

Value parse_bare_value(std::string_view text, std::string_view where) {
  try {
    const Value table = parse_toml(fmt::format("value = {}", text), {std::string(where), {}, 0});
    if (table.table()->size() == 1) return table.table()->front().value;
  } catch (const std::invalid_argument&) {
    // Not TOML: a word, which needs no quotes on a command line.
  }
  const auto file = std::make_shared<const SourceFile>(SourceFile{std::string(where), {}, 0});
  return {std::string(text), {file, 1, 1}};
}

}  // namespace medsweep::sweeps
