#include "sweeps/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace medsweep::sweeps {
namespace {

constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

std::string number_text(double number) {
  if (std::abs(number) < kExactIntegers && number == std::trunc(number))
    return fmt::format("{}", static_cast<std::int64_t>(number));
  return fmt::format("{}", number);
}

using Replaced = std::map<std::string, std::string>;

void write_json(std::string& out, const Value& value, const Replaced& replaced);

void write_json(std::string& out, const Array& array, const Replaced& replaced) {
  out += '[';
  for (const Value& element : array) {
    if (&element != array.data()) out += ',';
    write_json(out, element, replaced);
  }
  out += ']';
}

void write_json(std::string& out, const Table& table, const Replaced& replaced) {
  std::vector<const Member*> sorted;
  for (const Member& member : table) sorted.push_back(&member);
  std::ranges::sort(sorted, {}, [](const Member* member) { return std::string_view(member->key); });
  out += '{';
  for (const Member* member : sorted) {
    if (member != sorted.front()) out += ',';
    out += json_string(member->key) + ':';
    write_json(out, member->value, replaced);
  }
  out += '}';
}

void write_json(std::string& out, const Value& value, const Replaced& replaced) {
  if (const bool* boolean = value.boolean()) {
    out += *boolean ? "true" : "false";
  } else if (value.is_number()) {
    out += value.integer() ? fmt::format("{}", *value.integer()) : number_text(value.number());
  } else if (const std::string* text = value.string()) {
    const auto other = replaced.find(*text);
    out += json_string(other == replaced.end() ? *text : other->second);
  } else if (const Array* array = value.array()) {
    write_json(out, *array, replaced);
  } else {
    write_json(out, *value.table(), replaced);
  }
}

}  // namespace

std::string Position::text() const {
  return file ? fmt::format("{}:{}:{}", file->name, line, column) : "built in";
}

double Value::number() const {
  return integer() ? static_cast<double>(*integer()) : std::get<double>(data);
}

const Value* Value::find(std::string_view key) const {
  if (table() == nullptr) return nullptr;
  const auto member = std::ranges::find(*table(), key, &Member::key);
  return member == table()->end() ? nullptr : &member->value;
}

Value* Value::find(std::string_view key) {
  return const_cast<Value*>(std::as_const(*this).find(key));
}

void assign(Table& table, std::string_view key, Value value) {
  const auto member = std::ranges::find(table, key, &Member::key);
  if (member != table.end()) {
    member->value = std::move(value);
  } else {
    const Position at = value.at;
    table.push_back({std::string(key), at, std::move(value)});
  }
}

std::string_view type_name(const Value& value) {
  constexpr std::string_view kNames[] = {"a boolean", "an integer", "a number",
                                         "a string",  "a list",     "a table"};
  return kNames[value.data.index()];
}

std::string canonical_json(const Value& value, const Replaced& replaced) {
  std::string out;
  write_json(out, value, replaced);
  return out;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    else
      out += c;
  }
  return out += '"';
}

std::string plain_text(const Value& value) {
  std::string out;
  if (const std::string* text = value.string()) return *text;
  if (const Array* array = value.array()) {
    for (const Value& element : *array) out += (out.empty() ? "" : ", ") + plain_text(element);
    return "[" + out + "]";
  }
  if (const Table* table = value.table()) {
    for (const Member& member : *table)
      out += (out.empty() ? "" : ", ") + member.key + " = " + plain_text(member.value);
    return "{ " + out + " }";
  }
  return canonical_json(value);
}

}  // namespace medsweep::sweeps
