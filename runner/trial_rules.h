#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/data_file.h"

namespace medsweep::runner {

/// The rules that no table says: which combinations of knobs mean nothing or cannot be. `knobs` is
/// a trial's canonical JSON (sweeps::Trial::knobs).

/// The knobs that decide nothing, given the others: left out of the trial's identity.
std::vector<std::string> knobs_without_effect(std::string_view knobs);

/// Why the trial cannot run: a network that cannot take the patch, classes that the data lacks,
/// a batch that leaves a rank without a sample ... Empty when it can, as far as is known without
/// the data file.
std::string refusal_of(std::string_view knobs);

/// What is known of a data file without reading its pixels; empty where it does not exist. Each
/// file is read once.
std::optional<datasets::DataFileSummary> known_data(const std::string& path);

/// Digest of a data file or weights file (absolute path); empty where it does not exist. Throws
/// what datasets::summarize throws for a damaged one.
std::optional<std::string> data_digest_of(const std::string& path);

}  // namespace medsweep::runner
