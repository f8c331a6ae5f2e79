#include "sweeps/axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace medsweep::sweeps {
namespace {

/// "optimizer.weight_decay = [..]" stands as a nested table: leaves are the lists.
void flatten(const Table& table, const std::string& prefix, std::vector<Member>& out) {
  for (const Member& member : table) {
    if (member.value.table())
      flatten(*member.value.table(), prefix + member.key + ".", out);
    else
      out.push_back({prefix + member.key, member.at, member.value});
  }
}

/// Two values of an axis with one label get the options in which they differ: "se reduction=8".
void tell_apart(AxisKey& axis, SettingBook& book) {
  const std::vector<std::string> plain = axis.labels;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const Setting* own = book.make(axis.path.knob, *axis.values[i]);
    const Table* options = own->checked.full.table();
    for (const Member& option : options ? *options : Table{}) {
      const auto differs = [&](std::size_t j) {
        return plain[j] == plain[i] &&
               book.make(axis.path.knob, *axis.values[j])->option_json(option.key) !=
                   own->option_json(option.key);
      };
      for (std::size_t j = 0; j < plain.size(); ++j)
        if (differs(j)) {
          axis.labels[i] += fmt::format(" {}={}", option.key, label_of(option.value));
          break;
        }
    }
  }
}

class AxisReader {
 public:
  AxisReader(std::string_view where, SettingBook& book, Findings& findings)
      : where_(where), book_(book), findings_(findings) {}

  std::vector<AxisKey> read(const Value* table, const std::vector<Assignment>& forced) {
    std::vector<AxisKey> keys;
    if (table == nullptr) return keys;
    if (table->table() == nullptr) {
      findings_.problems.add(table->at, "[{}] is {}; a table of lists is allowed", where_,
                             type_name(*table));
      return keys;
    }
    std::vector<Member> members;
    flatten(*table->table(), "", members);
    for (const Member& member : members) add(keys, member, forced);
    std::ranges::stable_sort(keys, {}, [](const AxisKey& key) { return order(key); });
    return keys;
  }

  static std::tuple<std::int64_t, std::int64_t, std::int64_t> order(const AxisKey& key) {
    return {key.at.file ? -key.at.file->depth : 0, key.at.line, key.at.column};
  }

 private:
  void add(std::vector<AxisKey>& keys, const Member& member,
           const std::vector<Assignment>& forced) {
    const auto path = book_.find_path(member, where_);
    if (!path) return;
    const Array* values = member.value.array();
    if (values == nullptr || values->empty()) {
      findings_.problems.add(member.value.at,
                             "[{}] {} is {}; a list of one or more values is allowed", where_,
                             member.key, values ? "empty" : type_name(member.value));
      return;
    }
    if (std::ranges::find(forced, *path, &Assignment::path) != forced.end()) return;
    AxisKey key{member.key, member.at, *path, {}, {}};
    for (const Value& value : *book_.keep(member.value).array()) {
      key.values.push_back(&value);
      key.labels.push_back(path->option.empty() ? book_.make(path->knob, value)->label
                                                : label_of(value));
    }
    if (path->option.empty()) tell_apart(key, book_);
    keys.push_back(std::move(key));
  }

  std::string_view where_;
  SettingBook& book_;
  Findings& findings_;
};

void check_twice(const std::vector<Axis>& axes, std::string_view where, Findings& findings) {
  std::vector<KnobPath> seen;
  for (const Axis& axis : axes)
    for (const AxisKey& key : axis.keys) {
      if (std::ranges::find(seen, key.path) != seen.end())
        findings.problems.add(key.at, "[{}] {} is an axis twice", where, key.key);
      seen.push_back(key.path);
    }
}

}  // namespace

std::vector<Axis> read_axes(const Value* axes, const Value* zip,
                            const std::vector<Assignment>& forced, std::string_view where,
                            SettingBook& book, Findings& findings) {
  AxisReader reader(where, book, findings);
  std::vector<Axis> out;
  for (AxisKey& key : reader.read(axes, forced)) out.push_back({{std::move(key)}});
  Axis together{reader.read(zip, forced)};
  for (const AxisKey& key : together.keys)
    if (key.values.size() != together.size()) {
      findings.problems.add(key.at,
                            "[zip] {} has {} values and {} has {}; equally many are allowed",
                            key.key, key.values.size(), together.keys.front().key, together.size());
      return out;
    }
  if (!together.keys.empty()) {
    const auto after = std::ranges::find_if(out, [&](const Axis& axis) {
      return AxisReader::order(axis.keys.front()) > AxisReader::order(together.keys.front());
    });
    out.insert(after, std::move(together));
  }
  check_twice(out, where, findings);
  return out;
}

}  // namespace medsweep::sweeps
