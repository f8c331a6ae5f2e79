#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace medsweep::sweeps {

/// One training run with everything decided.
struct Trial {
  std::string name;      ///< what varies, in the order of the axes: "r50-gray-relattn-s0-f2"
  std::string identity;  ///< 16 hexadecimal digits, or "pending" without the data file
  /// As the identity, without the digests of the sources: what `--same-code` compares.
  std::string settings;
  std::int64_t seed = 0;
  std::int64_t fold = -1;  ///< -1: no folds
  /// Every knob with its value, defaults included, as canonical JSON (sorted keys, no spaces,
  /// shortest numbers); the forms are those of KnobType. `split`, `evaluate`, `early_stop` ({}:
  /// none), `seed` and `fold` are inside; files are absolute paths.
  std::string knobs;
  /// axis -> label of the value, in the order of the axes: what tables show. Also the knobs that
  /// the study's tables mention; `seed` and `fold` where they vary.
  std::vector<std::pair<std::string, std::string>> labels;

  bool operator==(const Trial&) const = default;
};

/// A trial that the study rules out, and by what.
struct Excluded {
  std::string name;
  std::string reason;  ///< "acdc.toml:31:1: [[exclude]] model = vnet, attention = pe"

  bool operator==(const Excluded&) const = default;
};

}  // namespace medsweep::sweeps
