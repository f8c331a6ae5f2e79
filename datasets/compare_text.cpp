#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>

#include "datasets/compare.h"

namespace medsweep::datasets {
namespace {

/// Case by case, in the order of their first samples.
std::vector<std::string> case_lines(const std::vector<SampleDifference>& samples) {
  std::vector<std::string> lines, cases;
  std::map<std::string, std::vector<std::string>> of_case;
  for (const SampleDifference& sample : samples) {
    auto& names = of_case[sample.case_name];
    if (names.empty()) cases.push_back(sample.case_name);
    names.push_back(sample.sample);
  }
  for (const std::string& name : cases) {
    const auto& names = of_case.at(name);
    lines.push_back(names.size() == 1 ? names.front()
                                      : fmt::format("{} ({} samples)", name, names.size()));
  }
  return lines;
}

std::vector<std::string> changed_lines(const std::vector<SampleDifference>& samples) {
  std::vector<std::string> lines;
  for (const SampleDifference& sample : samples)
    lines.push_back(fmt::format("{}: {}", sample.sample, fmt::join(sample.what, "; ")));
  return lines;
}

std::string listed_block(const char* title, const std::vector<std::string>& lines,
                         std::int64_t most) {
  if (lines.empty()) return {};
  std::string text = fmt::format("\n{}\n", title);
  for (std::int64_t i = 0; i < std::min<std::int64_t>(std::ssize(lines), most); ++i)
    text += fmt::format("  {}\n", lines[static_cast<std::size_t>(i)]);
  if (std::ssize(lines) > most)
    text += fmt::format("  ... and {} more\n", std::ssize(lines) - most);
  return text;
}

std::string file_line(const char* key, const ComparedFile& file) {
  return fmt::format("{:<10}{} ({} samples, digest {})\n", key, file.path.string(), file.samples,
                     file.digest.substr(0, 16));
}

}  // namespace

std::string to_text(const Comparison& comparison, std::int64_t lines) {
  std::string text = file_line("before", comparison.before) + file_line("after", comparison.after);
  if (comparison.equal()) return text + "the same samples in the same order\n";
  std::set<std::string> cases;
  for (const auto* list : {&comparison.added, &comparison.removed, &comparison.changed})
    for (const SampleDifference& sample : *list) cases.insert(sample.case_name);
  text += fmt::format("samples   {} added, {} removed, {} changed, of {} cases\n",
                      comparison.added.size(), comparison.removed.size(), comparison.changed.size(),
                      cases.size());
  if (comparison.reordered) text += "order     the samples in both stand in another order\n";
  for (const std::string& change : comparison.header) text += fmt::format("file      {}\n", change);
  return text + listed_block("added", case_lines(comparison.added), lines) +
         listed_block("removed", case_lines(comparison.removed), lines) +
         listed_block("changed", changed_lines(comparison.changed), lines);
}

}  // namespace medsweep::datasets
