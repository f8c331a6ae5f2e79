#include "sweeps/document.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "base/files.h"
#include "sweeps/toml_reading.h"

namespace medsweep::sweeps {
namespace {

namespace fs = std::filesystem;

Value read_chain(const fs::path& path, std::vector<fs::path>& open) {
  const fs::path own = fs::weakly_canonical(path);
  const bool circle = std::ranges::find(open, own) != open.end();
  open.push_back(own);
  if (circle) {
    std::vector<std::string> names;
    for (const fs::path& file : open) names.push_back(file.filename().string());
    throw std::invalid_argument(fmt::format("[extends] studies extend one another in a circle: {}",
                                            fmt::join(names, " -> ")));
  }
  Value document = read_toml(own, static_cast<std::int64_t>(open.size()));
  if (const Value* extends = document.find("extends")) {
    if (extends->string() == nullptr)
      throw std::invalid_argument(fmt::format("{}: extends is {}; the path of one study is allowed",
                                              extends->at.text(), type_name(*extends)));
    const fs::path base = own.parent_path() / expand_variables(*extends->string());
    if (!fs::is_regular_file(base))
      throw std::invalid_argument(fmt::format("{}: extends = \"{}\": there is no such file",
                                              extends->at.text(), *extends->string()));
    Value merged = read_chain(base, open);
    std::erase_if(std::get<Table>(document.data),
                  [](const Member& member) { return member.key == "extends"; });
    merge_deeply(std::get<Table>(merged.data), *document.table());
    document = std::move(merged);
  }
  open.pop_back();
  return document;
}

}  // namespace

void merge_deeply(Table& base, const Table& over) {
  for (const Member& member : over) {
    const auto old = std::ranges::find(base, member.key, &Member::key);
    if (old == base.end()) {
      base.push_back(member);
    } else if (old->value.table() && member.value.table()) {
      merge_deeply(std::get<Table>(old->value.data), *member.value.table());
    } else {
      old->value = member.value;  // the key keeps its place: the order of the axes
    }
  }
}

Value read_document(const std::filesystem::path& path) {
  std::vector<fs::path> open;
  return read_chain(path, open);
}

}  // namespace medsweep::sweeps
