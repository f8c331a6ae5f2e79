#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace medsweep::results {

/// What the frozen studies beside a study say of its trials. A study cites a trial by listing its
/// identity, by `"trial:NAME"` (as in weights), or all of a study by naming it in `needs`.
class Citations {
 public:
  /// Reads the frozen study of every study but `study`, in all runs folders.
  /// Throws std::runtime_error that names a file which cannot be read.
  Citations(const std::vector<std::filesystem::path>& runs_folders, const std::string& study);

  /// The studies that cite the trial, sorted.
  std::vector<std::string> of_trial(const std::string& identity, const std::string& name) const;
  /// The studies that need all of the study, sorted.
  const std::set<std::string>& of_study() const { return of_study_; }

 private:
  void read(const std::string& from, const std::string& text, const std::string& study);

  std::map<std::string, std::set<std::string>> by_identity_, by_name_;
  std::set<std::string> of_study_;
};

}  // namespace medsweep::results
