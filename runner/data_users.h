#pragma once

#include <map>
#include <string>
#include <vector>

#include "datasets/compare.h"
#include "results/index.h"

namespace medsweep::runner {

/// A trial that used samples that are no longer the same.
struct DataUser {
  std::string study, name, identity;
  /// Which content it used: of the file before or of the one after; kPath where its journal does
  /// not say which, and a file of that path was used.
  enum class Used { kBefore, kAfter, kPath } used = Used::kBefore;
  /// "train", "validation", "test" -> the cases in question, sorted.
  std::map<std::string, std::vector<std::string>> cases{};
};

/// The trials whose journals say that they used samples of the comparison: changed and removed ones
/// of the file before, changed and added ones of the file after. A file of `[evaluate] datasets` is
/// all "test". In the order of study and trial.
std::vector<DataUser> data_users(const datasets::Comparison& comparison,
                                 const results::Index& index);

/// For people: a line a trial; empty without trials.
std::string to_text(const std::vector<DataUser>& users);

/// For scripts: one JSON object of both.
std::string to_json(const datasets::Comparison& comparison, const std::vector<DataUser>& users);

}  // namespace medsweep::runner
