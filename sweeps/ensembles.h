#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sweeps/problems.h"
#include "sweeps/schema.h"
#include "sweeps/value.h"

namespace medsweep::sweeps {

/// One [[ensemble]] of a study: trials that differ in `over` alone are put together.
struct Ensemble {
  std::string name;                ///< of its row
  std::string over;                ///< "dataset", "fold" or "seed"
  std::string method;              ///< a row of the kind "ensemble"
  std::int64_t minimum_votes = 0;  ///< 0: more than half

  bool operator==(const Ensemble&) const = default;
};

/// The [[ensemble]]s of a study's document. What is wrong with them are problems: an unknown key,
/// method or `over`, a name that is missing or there twice, votes below 0 or of another method.
std::vector<Ensemble> read_ensembles(const Value& document, const Schema& schema,
                                     Findings& findings);

/// Those of a study's file. Throws StudyError with all their problems, std::runtime_error where the
/// file cannot be read.
std::vector<Ensemble> load_ensembles(const std::filesystem::path& path, const Schema& schema);

}  // namespace medsweep::sweeps
