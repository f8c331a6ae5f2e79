#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace medsweep::sweeps {

/// One of the files that a study is made of.
struct SourceFile {
  std::string name;              ///< as error texts call it
  std::filesystem::path folder;  ///< what relative paths start from; empty: the study's own
  std::int64_t depth = 0;        ///< how many files extend it: their keys come after its own
};

/// Where something stands in a study: "acdc.toml:12:5".
struct Position {
  std::shared_ptr<const SourceFile> file;
  std::int64_t line = 0, column = 0;

  std::string text() const;
};

struct Value;
struct Member;
using Array = std::vector<Value>;
using Table = std::vector<Member>;  ///< in the order of the file, keys are unique

/// A value of a study with its place in the file.
struct Value {
  std::variant<bool, std::int64_t, double, std::string, Array, Table> data;
  Position at;

  const bool* boolean() const { return std::get_if<bool>(&data); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data); }
  const std::string* string() const { return std::get_if<std::string>(&data); }
  const Array* array() const { return std::get_if<Array>(&data); }
  const Table* table() const { return std::get_if<Table>(&data); }
  bool is_number() const { return integer() != nullptr || std::get_if<double>(&data) != nullptr; }
  double number() const;  ///< of an integer or a number

  /// The member of a table called `key`; nullptr where there is none or this is no table.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
};

struct Member {
  std::string key;
  Position at;
  Value value;
};

/// Sets or adds a member of a table.
void assign(Table& table, std::string_view key, Value value);

/// "a string", "an integer", "a table" ...: of error texts.
std::string_view type_name(const Value& value);

/// Sorted keys, shortest round-trip numbers, no spaces. Whole numbers stand without a point, so
/// that 1 and 1.0 are the same. Strings that are a key of `replaced` stand as its value.
std::string canonical_json(const Value& value,
                           const std::map<std::string, std::string>& replaced = {});

/// A JSON string with its quotes.
std::string json_string(std::string_view text);

/// For people: strings without quotes, "[1, 2]", "{ name = se }".
std::string plain_text(const Value& value);

}  // namespace medsweep::sweeps
