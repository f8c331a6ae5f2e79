#include "runner/source_skeleton.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>
#include <stdexcept>
#include <utility>

#include "base/catalog.h"
#include "base/files.h"
#include "runner/skeleton_texts.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

/// Where a kind's things stand, and the row that a new one is modelled on.
struct Place {
  SkeletonKind kind;
  std::string_view word, folder, table, tests, model_row, model_class;
  SkeletonTexts texts;
};

const std::array<Place, 3>& skeleton_places() {
  static const std::array<Place, 3> kPlaces{
      Place{SkeletonKind::kAttention, "attention", "models/attention",
            "models/attention/attention.cpp", "tests/models/attention", "eca",
            "EfficientChannelAttention", attention_texts()},
      Place{SkeletonKind::kNetwork, "network", "models/segmentation",
            "models/segmentation/networks.cpp", "tests/models", "unet", "UNet", network_texts()},
      Place{SkeletonKind::kLoss, "loss", "models/losses", "models/losses/losses.cpp",
            "tests/models", "focal", "Focal", loss_texts()}};
  return kPlaces;
}

const Place& place_for(SkeletonKind kind) {
  return *std::ranges::find(skeleton_places(), kind, &Place::kind);
}

std::string camel_case(std::string_view name) {
  std::string result;
  bool upper = true;
  for (const char letter : name) {
    if (letter != '_')
      result +=
          upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(letter))) : letter;
    upper = letter == '_';
  }
  return result;
}

std::string with_replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// "@NAME@", "@Class@" and "@INCLUDE@" in a text.
std::string filled_in(std::string_view text, const std::string& name) {
  std::string result = with_replaced(std::string(text), "@NAME@", name);
  result = with_replaced(std::move(result), "@Class@", camel_case(name));
  return with_replaced(std::move(result), "@INCLUDE@", "#include");
}

[[noreturn]] void refuse_table(const Place& place) {
  throw std::invalid_argument(
      fmt::format("[new] {} has no row '{}' as a model; the root of Medsweep's source tree is "
                  "allowed",
                  place.table, place.model_row));
}

/// The text `Entry<...>{...},` of the model's row.
std::string model_row(const Place& place, const std::string& table) {
  const std::regex start(fmt::format(R"(    Entry<\w+>\{{\s*"{}")", place.model_row));
  std::smatch found;
  if (!std::regex_search(table, found, start)) refuse_table(place);
  const auto first = static_cast<std::size_t>(found.position());
  int depth = 0;
  for (std::size_t at = table.find('{', first); at < table.size(); ++at) {
    depth += table[at] == '{' ? 1 : table[at] == '}' ? -1 : 0;
    if (depth == 0) return table.substr(first, at + 1 - first) + ",\n";
  }
  refuse_table(place);
}

/// The same of the new one: its name, files, class and sentence.
std::string new_row(const Place& place, const std::string& table, const std::string& name) {
  std::string row = model_row(place, table);
  const std::regex names(R"re("\w+",(\s*)"\w+",(\s*)"[\w/]+")re");
  row = std::regex_replace(
      row, names,
      fmt::format(R"("{0}",$1"{1}",$2"{2}/{0}")", name, with_replaced(name, "_", ""), place.folder),
      std::regex_constants::format_first_only);
  row = std::regex_replace(row, std::regex(fmt::format(R"(\b{}\b)", place.model_class)),
                           camel_case(name));
  const std::regex sentence(R"re(("[^"]*"\s*)+\},\n$)re");
  return std::regex_replace(row, sentence, "\"TODO: what it is, and its paper\"},\n");
}

/// The table with a further include and row.
std::string new_table(const Place& place, const std::string& table, const std::string& name) {
  const std::string include = fmt::format("#include \"{}/{}.h\"\n", place.folder, name);
  const std::string row = new_row(place, table, name);
  std::string result = table;
  const std::size_t end = result.find("};\nstatic_assert(names_are_unique(");
  const std::size_t own = result.find(fmt::format("\n#include \"{}/", place.folder), 1);
  if (end == std::string::npos || own == std::string::npos) refuse_table(place);
  result.insert(end, row);
  std::size_t at = own + 1;
  while (result.compare(at, 8, "#include") == 0 && result.substr(at, include.size()) < include)
    at = result.find('\n', at) + 1;
  result.insert(at, include);
  return result;
}

void check_name(const Place& place, const std::string& name, const std::string& table) {
  if (!std::regex_match(name, std::regex("[a-z][a-z0-9]*(_[a-z0-9]+)*")))
    throw std::invalid_argument(fmt::format(
        "[new] '{}'; lower-case words joined by '_', as focal_tversky, are allowed", name));
  const std::regex row(fmt::format(R"(Entry<\w+>\{{\s*"{}")", name));
  if (std::regex_search(table, row))
    throw std::invalid_argument(
        fmt::format("[new] '{}' is in {} already; another name is allowed", name, place.table));
}

}  // namespace

SkeletonKind skeleton_kind(std::string_view word) {
  std::vector<std::string_view> known;
  for (const Place& place : skeleton_places()) {
    if (place.word == word) return place.kind;
    known.push_back(place.word);
  }
  throw std::invalid_argument(unknown_name("new", word, known));
}

std::vector<SkeletonFile> source_skeleton(SkeletonKind kind, const std::string& name,
                                          const fs::path& root) {
  const Place& place = place_for(kind);
  if (!fs::exists(root / place.table))
    throw std::invalid_argument(
        fmt::format("[new] {} has no {}; the root of Medsweep's source tree is allowed",
                    root.string(), place.table));
  const std::string table = read_file(root / place.table);
  check_name(place, name, table);
  const fs::path pair = fs::path(place.folder) / name;
  std::vector<SkeletonFile> files{
      {pair.string() + ".h", filled_in(place.texts.header, name)},
      {pair.string() + ".cpp", filled_in(place.texts.source, name)},
      {fs::path(place.tests) / fmt::format("{}_{}_test.cpp", name, place.word),
       filled_in(place.texts.test, name)}};
  for (const SkeletonFile& file : files)
    if (fs::exists(root / file.path))
      throw std::invalid_argument(
          fmt::format("[new] {} is there already; another name is allowed", file.path.string()));
  files.push_back({place.table, new_table(place, table, name)});
  return files;
}

}  // namespace medsweep::runner
