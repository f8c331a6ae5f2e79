#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace medsweep::sweeps {

/// One training run with everything decided.
struct Trial {
  std::string name;      ///< what varies, in the order of the axes: "r50-gray-relattn-s0-f2"
  std::string identity;  ///< 16 hexadecimal digits, or "pending" without the data file
  std::int64_t seed = 0;
  std::int64_t fold = -1;  ///< -1: no folds
  /// Every knob with its value, defaults included, as canonical JSON (sorted keys, no spaces).
  std::string knobs;
  /// axis -> label of the value, in the order of the axes: what tables show.
  std::vector<std::pair<std::string, std::string>> labels;
};

/// A trial that the study rules out, and by what.
struct Excluded {
  std::string name;
  std::string reason;  ///< "[[exclude]] at acdc.toml:31: model = vnet, attention = pe"
};

}  // namespace medsweep::sweeps
