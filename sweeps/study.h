#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "sweeps/schema.h"
#include "sweeps/trial.h"

namespace medsweep::sweeps {

/// What becomes of a name (knob, row, metric, table) that this version does not know.
enum class UnknownNames {
  kRefuse,   ///< a problem like any other
  kCollect,  ///< into Study::unknown: `plan` lists the trials all the same
};

struct StudyOptions {
  std::vector<std::string> set;   ///< "epochs=2", "optimizer.name=adam", "repeat.seeds=[0]"
  std::vector<std::string> only;  ///< "attention=se"; the same key twice means either
  UnknownNames unknown_names = UnknownNames::kRefuse;
};

/// One [[ensemble]] of a study: trials that differ in `over` alone are put together.
struct Ensemble {
  std::string name;                ///< of its row
  std::string over;                ///< "dataset", "fold" or "seed"
  std::string method;              ///< a row of the kind "ensemble"
  std::int64_t minimum_votes = 0;  ///< 0: more than half

  bool operator==(const Ensemble&) const = default;
};

/// A study, expanded.
struct Study {
  std::string name;
  std::string title;
  std::filesystem::path path;                ///< absolute
  std::vector<std::filesystem::path> needs;  ///< absolute: studies that must be finished first
  std::vector<Trial> trials;                 ///< in the order of the file; names are unique
  std::vector<Excluded> excluded;
  std::int64_t collapsed = 0;  ///< trials that equal another one and are not there twice
  /// "zoo.toml:20:14: [model] unknown name 'vnet'; ...", with UnknownNames::kCollect only.
  std::vector<std::string> unknown;
  std::vector<std::string> missing;  ///< data files and needed studies that are not there
  /// What should be said aloud: --set and --only as given, options left out, equal trials.
  std::vector<std::string> notes;
  /// One canonical JSON object for each [[table]]: its keys as in the file; `rows`, `columns`,
  /// `for_each` and `metrics` as lists; the values of `where` and `baseline` are labels as in
  /// Trial::labels. Without [[table]]: one, with `rows` alone, the varying axes.
  std::vector<std::string> tables;
  std::vector<Ensemble> ensembles;  ///< in the order of the file; names are unique
};

/// Every problem of a study at once: a line each, "file:line:column: what; what is allowed".
class StudyError : public std::invalid_argument {
 public:
  StudyError(const std::string& file, std::vector<std::string> problems);
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::vector<std::string> problems_;
};

/// Reads, checks whole and expands the study in `path`.
/// Throws StudyError with all its problems; std::runtime_error where the file cannot be read.
Study load_study(const std::filesystem::path& path, const Schema& schema,
                 const StudyOptions& options = {});

}  // namespace medsweep::sweeps
