#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "results/journal.h"

/// The records of a journal, one struct a type; results/FORMAT.md is their page. `record(x)` makes
/// the line's object. `trial` is always the identity. Times are in seconds, memory in bytes.
namespace medsweep::results {

struct StudyRecord {
  std::string study = {};
  std::string digest = {};  ///< SHA-256 of the frozen text
  std::vector<std::string> command = {};
  std::map<std::string, std::string> versions = {};  ///< "medsweep", "torch", "mpi", ...
};

/// What a trial is, written before its first attempt and again by each study that uses it.
struct TrialRecord {
  std::string trial = {}, name = {}, study = {};
  std::vector<std::pair<std::string, std::string>> labels = {};  ///< axis -> label, in order
  std::string knobs = {};                                        ///< canonical JSON
  std::int64_t seed = 0;
  std::int64_t fold = -1;  ///< -1: no folds
};

/// Where one sample went; `split` names the split (a digest), shared by the trials that use it.
struct SplitRecord {
  std::string split = {}, sample = {}, patient = {};
  std::string part = {};  ///< "train", "validation" or "test"
};

/// One of a trial's data files, and what was in it.
struct DataRecord {
  std::string trial = {};
  std::string dataset = {};  ///< as `[evaluate] datasets` names it; empty: the trial's own
  std::string file = {};     ///< its path then
  std::string digest = {};   ///< of the data file, over all its samples
};

struct AttemptRecord {
  std::string trial = {}, host = {};
  std::int64_t ranks = 1, threads = 1;
  std::string precision = {};
  std::optional<std::int64_t> resumed_from_step = {};
};

struct EpochRecord {
  std::string trial = {};
  std::int64_t epoch = 0;                     ///< finished epochs
  std::int64_t step = 0;                      ///< finished steps
  std::map<std::string, double> losses = {};  ///< mean over the epoch's samples, "total" among them
  double learning_rate = 0, samples_per_second = 0, seconds = 0;
  double data_seconds = 0;  ///< of them, the training waited for its data
};

/// One number. Nothing where it is undefined: never 0.
struct ValueRecord {
  std::string trial = {}, split = {};
  std::string dataset = {};  ///< as `[evaluate] datasets` names it; empty: the trial's own
  std::int64_t epoch = 0, step = 0;
  std::string sample = {};      ///< the case; empty where pooled over all
  std::string class_name = {};  ///< empty where there is none
  std::string metric = {};
  std::optional<double> value = {};
};

struct CheckpointRecord {
  std::string trial = {};
  std::int64_t epoch = 0, step = 0;
  std::string path = {};  ///< of the folder, relative to the trial's
  std::string best = {};  ///< the metric it is the best of so far; empty: of none
};

struct StopRecord {
  std::string trial = {};
  std::string reason = {};  ///< "preempted" or "signal"
  std::int64_t epoch = 0, step = 0;
};

enum class FailureClass { kOutOfMemory, kNotANumber, kBadData, kLostNode, kHang, kPreempted, kBug };
/// "out_of_memory", "not_a_number", "bad_data", "lost_node", "hang", "preempted", "bug".
const char* name_of(FailureClass failure);

struct FailureRecord {
  std::string trial = {};
  FailureClass failure = FailureClass::kBug;
  std::string message = {};
  std::vector<std::string> samples = {};  ///< the batch at fault, where there is one
  std::int64_t step = 0;
};

struct DoneRecord {
  std::string trial = {};
  std::int64_t epochs = 0;
  double seconds = 0;
  std::int64_t peak_memory = 0;
};

/// The trial's files were removed by its owner: it counts as never trained.
struct RemovedRecord {
  std::string trial = {};
};

Record record(const StudyRecord& study);
/// Throws std::invalid_argument where `knobs` is not JSON.
Record record(const TrialRecord& trial);
Record record(const SplitRecord& split);
Record record(const DataRecord& data);
Record record(const AttemptRecord& attempt);
Record record(const EpochRecord& epoch);
Record record(const ValueRecord& value);
Record record(const CheckpointRecord& checkpoint);
Record record(const StopRecord& stop);
Record record(const FailureRecord& failure);
Record record(const DoneRecord& done);
Record record(const RemovedRecord& removed);

}  // namespace medsweep::results
