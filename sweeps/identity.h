#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sweeps/condition.h"

namespace medsweep::sweeps {

/// A trial's digests.
struct Identity {
  std::string identity;  ///< as Trial::identity
  std::string settings;  ///< as Trial::settings
  std::string key;       ///< equal for equal trials, also where the data file is missing
  bool without_epochs;   ///< the schedule lets a finished trial be extended
};

/// Canonical JSON of states, and what decides their numbers: the knobs that matter, the digests of
/// their files, seed and fold, and the digests of the sources behind the rows they use. Files
/// stand by their digest, knobs of the run and knobs without effect are left out.
class IdentityMaker {
 public:
  IdentityMaker(const Schema& schema, const SettingBook& book);

  /// As Trial::knobs.
  std::string knobs(const State& state) const;
  /// Keys of knobs and options without effect; asked once for states that differ in seed and fold
  /// alone and follow one another.
  const std::vector<std::string>& without_effect(const State& state);
  /// Throws std::runtime_error for a row without the digest of its sources.
  Identity make(const State& state);

 private:
  std::string text(const State& state, bool without_epochs);
  const std::string& setting_text(const Setting& setting);
  std::string sources_text(const State& state) const;

  const Schema& schema_;
  const SettingBook& book_;
  std::vector<std::size_t> sorted_;  ///< the knobs by key
  State last_;                       ///< without seed and fold
  std::vector<std::string> idle_;
  std::map<const Setting*, std::string> idle_options_text_;  ///< for `idle_`
};

}  // namespace medsweep::sweeps
