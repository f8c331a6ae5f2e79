#include "sweeps/source_digests.h"

#include <algorithm>
#include <array>
#include <regex>
#include <set>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/files.h"

namespace medsweep::sweeps {
namespace {

namespace fs = std::filesystem;

constexpr std::array kFolders{"base", "sweeps", "datasets", "models", "runner"};
constexpr std::array<std::string_view, 3> kEndings{".h", ".inl", ".cpp"};

struct Pair {
  std::map<std::string, std::string> texts;  ///< ending -> text
  std::set<std::string> includes;            ///< stems, of header and source
  std::set<std::string> header_includes;     ///< stems, without those of the .cpp
  bool is_table = false;
};
using Pairs = std::map<std::string, Pair>;

std::string without_ending(const std::string& path) { return path.substr(0, path.rfind('.')); }

std::string without_comments(const std::string& text) {
  static const std::regex kComment(R"(//[^\n]*)");
  return std::regex_replace(text, kComment, "");
}

std::set<std::string> included_stems(const std::string& code) {
  static const std::regex kInclude(R"re((?:^|\n)[ \t]*#[ \t]*include[ \t]*"([^"]+)")re");
  std::set<std::string> stems;
  for (std::sregex_iterator match(code.begin(), code.end(), kInclude), end; match != end; ++match)
    stems.insert(without_ending((*match)[1]));
  return stems;
}

/// True for a source with a constexpr std::array of Entry<...>.
bool holds_table(std::string_view code) {
  constexpr std::string_view kArray = "constexpr std::array";
  for (std::size_t at = 0; (at = code.find(kArray, at)) != std::string_view::npos; ++at)
    if (code.substr(at, code.find(';', at) - at).find("Entry<") != std::string_view::npos)
      return true;
  return false;
}

Pairs read_pairs(const fs::path& root) {
  Pairs pairs;
  for (const char* folder : kFolders) {
    if (!fs::is_directory(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string ending = entry.path().extension().string();
      if (std::ranges::find(kEndings, ending) == kEndings.end()) continue;
      Pair& pair = pairs[without_ending(fs::relative(entry.path(), root).generic_string())];
      const std::string text = read_file(entry.path());
      const std::string code = without_comments(text);
      const std::set<std::string> stems = included_stems(code);
      pair.includes.insert(stems.begin(), stems.end());
      if (ending == ".cpp")
        pair.is_table = holds_table(code);
      else
        pair.header_includes.insert(stems.begin(), stems.end());
      pair.texts[ending] = text;
    }
  }
  return pairs;
}

/// stem -> whether its .cpp counts, for everything that `first` reaches.
std::map<std::string, bool> closure(const Pairs& pairs, const std::string& first) {
  std::map<std::string, bool> reached;
  std::vector<std::string> open{first};
  while (!open.empty()) {
    const std::string stem = open.back();
    open.pop_back();
    const auto found = pairs.find(stem);
    if (found == pairs.end() || reached.contains(stem)) continue;
    const Pair& pair = found->second;
    const bool whole = stem == first || !pair.is_table;
    reached[stem] = whole;
    for (const std::string& next : whole ? pair.includes : pair.header_includes)
      open.push_back(next);
  }
  return reached;
}

}  // namespace

std::map<std::string, std::string> source_digests(const std::filesystem::path& root) {
  const Pairs pairs = read_pairs(root);
  std::map<std::string, std::string> digests;
  for (const auto& [first, unused] : pairs) {
    Sha256 digest;
    for (const auto& [stem, whole] : closure(pairs, first))
      for (const auto& [ending, text] : pairs.at(stem).texts)
        if (whole || ending != ".cpp")
          digest.update(stem + ending + "\n").update(sha256_hex(text)).update("\n");
    digests[first] = digest.hex();
  }
  return digests;
}

}  // namespace medsweep::sweeps
