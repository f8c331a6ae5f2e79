#include "datasets/converters/source_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

/// The folders of a pattern are the last folders of the file: "images/*.png".
bool in_folders(const fs::path& file, const fs::path& folders) {
  if (folders.empty()) return true;
  const fs::path parent = file.parent_path();
  const auto wanted = std::distance(folders.begin(), folders.end());
  const auto present = std::distance(parent.begin(), parent.end());
  return wanted <= present &&
         std::equal(folders.begin(), folders.end(), std::next(parent.begin(), present - wanted));
}

}  // namespace

std::vector<fs::path> files_below(const fs::path& folder) {
  const fs::path root = fs::weakly_canonical(folder);
  if (!fs::is_directory(root))
    throw std::invalid_argument(fmt::format("[{}] no such folder", folder.string()));
  std::vector<fs::path> files;
  for (auto entry =
           fs::recursive_directory_iterator(root, fs::directory_options::follow_directory_symlink);
       entry != fs::recursive_directory_iterator(); ++entry) {
    if (is_hidden(entry->path())) {
      if (entry->is_directory()) entry.disable_recursion_pending();
      continue;
    }
    if (entry->is_regular_file()) files.push_back(entry->path());
  }
  std::ranges::sort(files);
  return files;
}

std::string ending_of(const fs::path& file) {
  std::string name = file.filename().string();
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char* ending : {".nii.gz", ".ppm.gz", ".pgm.gz"})
    if (name.ends_with(ending)) return ending;
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? std::string() : name.substr(dot);
}

std::string stem_of(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.substr(0, name.size() - ending_of(file).size());
}

std::string match_pattern(const std::string& file_name, const std::string& pattern) {
  const std::size_t star = pattern.find('*');
  if (star == std::string::npos || pattern.find('*', star + 1) != std::string::npos)
    throw std::invalid_argument(fmt::format(
        "[pattern {}] one '*' is needed: what it stands for is the case's name", pattern));
  const std::string before = pattern.substr(0, star), after = pattern.substr(star + 1);
  if (file_name.size() <= before.size() + after.size() || !file_name.starts_with(before) ||
      !file_name.ends_with(after))
    return {};
  return file_name.substr(before.size(), file_name.size() - before.size() - after.size());
}

std::map<std::string, fs::path> files_matching(const std::vector<fs::path>& files,
                                               const std::string& pattern) {
  const fs::path whole = pattern;
  std::map<std::string, fs::path> found;
  for (const fs::path& file : files) {
    const std::string name = match_pattern(file.filename().string(), whole.filename().string());
    if (name.empty() || !in_folders(file, whole.parent_path())) continue;
    const auto [other, is_new] = found.emplace(name, file);
    if (!is_new)
      throw std::invalid_argument(
          fmt::format("[{}] is called '{}' as {} is; different names are needed", file.string(),
                      name, other->second.string()));
  }
  return found;
}

std::string patient_of(const std::string& name, const std::string& expression) {
  if (expression.empty()) return name;
  try {
    const std::regex pattern(expression);
    if (pattern.mark_count() < 1)
      throw std::invalid_argument(fmt::format(
          "[patient {}] no group in it; one in parentheses is needed, as in ^([^_]+)", expression));
    std::smatch match;
    if (!std::regex_search(name, match, pattern) || match[1].str().empty())
      throw std::invalid_argument(
          fmt::format("[patient {}] is not found in '{}'", expression, name));
    return match[1].str();
  } catch (const std::regex_error& error) {
    throw std::invalid_argument(
        fmt::format("[patient {}] is no regular expression: {}", expression, error.what()));
  }
}

std::string plain_name(std::string_view name) {
  std::string plain(name);
  for (char& c : plain)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
        std::string_view("._-+").find(c) == std::string_view::npos)
      c = '_';
  return plain;
}

}  // namespace medsweep::datasets
