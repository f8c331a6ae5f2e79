#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "results/journal.h"
#include "results/record.h"
#include "runner/progress.h"

namespace medsweep::runner {

/// Where a trial writes what happens: the journal and the progress line of its group's leader.
/// The other ranks have neither, and their reports go nowhere.
class TrialReport {
 public:
  /// Of a rank that writes nothing.
  TrialReport() = default;
  /// `journal` and `progress` must outlive it. Lines that stay on the screen are appended to `log`.
  TrialReport(std::string identity, std::string name, results::Journal& journal, Progress& progress,
              const std::filesystem::path& log);

  bool writes() const { return journal_ != nullptr; }
  const std::string& identity() const { return identity_; }

  /// Appends a record; `results::record` of any of its structs.
  template <typename R>
  void append(const R& entry) {
    if (journal_ != nullptr) journal_->append(results::record(entry));
  }
  void append_all(const std::vector<results::ValueRecord>& values);
  /// Waits until everything is on the disk.
  void sync();

  void start(const ProgressLength& length);
  void update(const ProgressPoint& point);
  void end_epoch(const ProgressPoint& point, const std::string& remark);
  void finish(const std::string& remark);
  void log(const std::string& line);

 private:
  void write_log(const std::string& line);

  std::string identity_, name_;
  std::ofstream log_;
  results::Journal* journal_ = nullptr;
  Progress* progress_ = nullptr;
};

}  // namespace medsweep::runner
