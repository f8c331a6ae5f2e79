#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runner/distributed/communicator.h"

namespace medsweep::runner {

enum class Severity { kOk, kWarn, kProblem };

/// One thing that the doctor looked at.
struct Finding {
  std::string topic;  ///< "ranks", "threads", "memory", "mpi", "gpu", "disk", "storage", "versions"
  std::string value;  ///< what was found, one line, with units
  Severity severity = Severity::kOk;
  std::string remedy;  ///< what to do; empty where the severity is kOk
};

struct DoctorOptions {
  double memory_per_rank_bytes = 0;              ///< what a rank will take; 0: not known
  std::filesystem::path runs = "runs";           ///< the folder of the results; need not exist yet
  std::optional<std::filesystem::path> storage;  ///< measure this folder (it must exist)
  std::filesystem::path root = "/";              ///< where proc/ and sys/ are
};

struct DoctorReport {
  std::vector<Finding> findings;
  /// The worst of all.
  Severity severity() const;
};

/// Whether a sweep will run well where these ranks are: looks, changes nothing (`storage` leaves
/// the folder as it was). Collective; the same report on every rank.
/// Throws std::invalid_argument where `storage` is no folder, std::runtime_error where files that
/// every Linux has cannot be read.
DoctorReport run_doctor(Communicator& world, const DoctorOptions& options);

/// Lines "ok       threads   2 ranks, ..." with the remedy below, for a terminal.
std::string to_text(const DoctorReport& report);
/// {"severity": "warn", "findings": [{"topic", "value", "severity", "remedy"}]}
nlohmann::ordered_json to_json(const DoctorReport& report);

/// "ok", "warn" or "problem".
std::string to_string(Severity severity);

}  // namespace medsweep::runner
