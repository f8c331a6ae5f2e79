#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sweeps/study.h"

namespace medsweep::sweeps {

/// A study as it was when it was first started: what `runs/<study>/study.toml` holds.
struct Frozen {
  std::string name, title;
  std::vector<std::string> notes;
  std::vector<std::string> tables;  ///< as Study::tables
  std::vector<Trial> trials;
  std::vector<Ensemble> ensembles;

  bool operator==(const Frozen&) const = default;
};

Frozen freeze(const Study& study);

/// TOML that people can read: what all trials share stands once, each trial names the rest.
std::string frozen_text(const Frozen& frozen);

/// What frozen_text wrote, with all fields equal.
/// Throws std::invalid_argument, "file:line:column: ...", for a text that is none.
Frozen parse_frozen(std::string_view text, const std::string& file);

/// What of a study became different since it was frozen; names of trials.
struct Difference {
  std::vector<std::string> added;    ///< identities that were not there
  std::vector<std::string> removed;  ///< identities that are no longer there
  /// Same name, other identity: "r50-s0: epochs 40 -> 60", or "... its sources were edited".
  std::vector<std::string> changed;
  std::vector<std::string> extended;    ///< same identity, more epochs: "r50-s0: epochs 40 -> 60"
  std::vector<std::string> of_the_run;  ///< same identity, other knobs: "ranks_per_trial 1 -> 2"
  bool tables = false;                  ///< the tables are other ones; no trial is concerned
  bool ensembles = false;               ///< the ensembles are other ones; nor here

  /// True where nothing is to be asked: no trial came, went or changed.
  bool empty() const;
};

/// `now` against `frozen`. Trials are the same when their identities are; where data files are
/// missing (identity "pending") when their settings are. A file that only lies elsewhere is no
/// difference: where there is none, go on with the trials of `now`.
Difference difference(const Frozen& frozen, const Study& now);

/// The difference for people, a line each, and what `--extend` and `--frozen` would do.
/// Empty for an empty difference.
std::string in_words(const Difference& difference);

/// `--extend`: the frozen trials as they are, with more epochs where the schedule lets a finished
/// trial go on, then the new ones. Trials that the study no longer has stay; one whose settings
/// changed stays under its name and identity, and the new one follows it, by a name of its own
/// where that is taken. Knobs of the run, tables and ensembles are those of `now`.
Frozen extend(const Frozen& frozen, const Study& now);

/// `--same-code`: trials of `now` whose settings are those of a frozen one take its identity, for
/// all that their sources were edited. Returns the names of these.
std::vector<std::string> keep_identities(const Frozen& frozen, Study& now);

}  // namespace medsweep::sweeps
