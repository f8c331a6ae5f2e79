#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace medsweep::results {

enum class TrialState { kPlanned, kRunning, kStopped, kFailed, kDone };
/// "planned", "running", "stopped", "failed", "done".
const char* name_of(TrialState state);

/// How far a trial is, by its newest records. `done` outlasts whatever is written after it, except
/// that the trial was removed.
struct TrialProgress {
  TrialState state = TrialState::kPlanned;
  double last_heard = 0;     ///< time of its newest record; 0: never heard of
  std::int64_t epochs = 0;   ///< finished
  double epoch_seconds = 0;  ///< median over its epochs; 0: none finished
  std::int64_t ranks = 0;    ///< of the newest attempt
  std::string host = {};     ///< of the newest attempt
  std::string detail = {};   ///< class of failure, or reason of stop
  std::string message = {};  ///< of the failure
};

enum class CheckpointChoice { kLast, kBest };

struct ValueQuery {
  std::string split = "test";
  std::string dataset = {};  ///< empty: the trial's own
  std::vector<std::string> metrics = {};
  CheckpointChoice checkpoint = CheckpointChoice::kLast;
  std::string best = {};  ///< the metric of kBest
};

/// One value of one case at the chosen step.
struct Value {
  std::string sample = {}, class_name = {}, metric = {};
  std::optional<double> value = {};
  std::int64_t epoch = 0, step = 0;
};

struct CheckpointEntry {
  std::int64_t epoch = 0, step = 0;
  std::string path = {}, best = {};
};

/// A trial as journals name it.
struct TrialEntry {
  std::string study = {}, trial = {}, name = {}, knobs = {};  ///< knobs: JSON
};

/// A data file that a trial used.
struct DataEntry {
  std::string dataset = {}, file = {}, digest = {};  ///< as in DataRecord
};

/// What a refresh read.
struct RefreshReport {
  std::int64_t files = 0, records = 0, damaged_lines = 0;
  bool rebuilt = false;
};

/// Where the index is kept between uses: $XDG_CACHE_HOME/medsweep, ~/.cache/medsweep, or a folder
/// of this user under $TMPDIR or /tmp, the first that can be written.
std::filesystem::path default_index_cache();

/// A SQLite index over the journals of one or several runs folders: disposable, rebuilt at will.
///
/// It is private to its reader: taken out of the cache by renaming it, put back likewise at the
/// end. A second reader finds none and builds its own; whoever ends last stays. So there is no
/// lock, and a reader that dies costs one rebuild. Not thread-safe.
class Index {
 public:
  /// Reads what is new since last time. Folders that do not exist hold nothing.
  /// Throws std::runtime_error that names the file which cannot be read or written.
  explicit Index(const std::vector<std::filesystem::path>& runs_folders,
                 const std::filesystem::path& cache = default_index_cache());
  ~Index();
  Index(Index&&) noexcept;
  Index& operator=(Index&&) noexcept;

  /// Reads what was appended since; starts anew when a journal shrank or vanished.
  RefreshReport refresh();
  /// Of the last refresh.
  const RefreshReport& report() const;

  TrialProgress progress(const std::string& trial) const;
  /// In the order of metric, sample, class.
  std::vector<Value> values(const std::string& trial, const ValueQuery& query) const;
  /// In the order of steps.
  std::vector<CheckpointEntry> checkpoints(const std::string& trial) const;
  bool has_values(const std::string& trial, const std::string& split) const;
  /// Identity -> name, of the trials that a study's journals name.
  std::map<std::string, std::string> trials_of(const std::string& study) const;
  /// Of all studies, in the order of study and name.
  std::vector<TrialEntry> trials() const;
  /// In the order of dataset and file; none where the journal is of a version without them.
  std::vector<DataEntry> data(const std::string& trial) const;
  /// Sample -> "train", "validation" or "test".
  std::map<std::string, std::string> split(const std::string& split) const;
  /// kind_of(...) -> median seconds an epoch, over every trial in the folders.
  std::map<std::string, double> epoch_seconds(std::span<const std::string> knobs) const;
  /// Every row of every table as text, in an order of its own: equal for equal journals.
  std::string dump() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What decides how long an epoch takes: the values of `keys` in `knobs` (JSON) and the ranks.
std::string kind_of(const std::string& knobs, std::span<const std::string> keys,
                    std::int64_t ranks);

}  // namespace medsweep::results
