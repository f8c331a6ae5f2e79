#include "results/record.h"

#include <fmt/format.h>

#include <stdexcept>

namespace medsweep::results {

const char* name_of(FailureClass failure) {
  switch (failure) {
    case FailureClass::kOutOfMemory:
      return "out_of_memory";
    case FailureClass::kNotANumber:
      return "not_a_number";
    case FailureClass::kBadData:
      return "bad_data";
    case FailureClass::kLostNode:
      return "lost_node";
    case FailureClass::kHang:
      return "hang";
    case FailureClass::kPreempted:
      return "preempted";
    case FailureClass::kBug:
      return "bug";
  }
  throw std::invalid_argument("[failure] not a class of failure");
}

Record record(const StudyRecord& study) {
  return {{"type", "study"},
          {"study", study.study},
          {"digest", study.digest},
          {"command", study.command},
          {"versions", study.versions}};
}

Record record(const TrialRecord& trial) {
  Record knobs = Record::parse(trial.knobs, nullptr, false);
  if (knobs.is_discarded())
    throw std::invalid_argument(
        fmt::format("[trial {}] knobs '{}'; a JSON object is allowed", trial.name, trial.knobs));
  Record labels = Record::object();
  for (const auto& [axis, label] : trial.labels) labels[axis] = label;
  return {{"type", "trial"},
          {"trial", trial.trial},
          {"name", trial.name},
          {"study", trial.study},
          {"seed", trial.seed},
          {"fold", trial.fold < 0 ? Record() : Record(trial.fold)},
          {"labels", std::move(labels)},
          {"knobs", std::move(knobs)}};
}

Record record(const SplitRecord& split) {
  return {{"type", "split"},
          {"split", split.split},
          {"sample", split.sample},
          {"patient", split.patient},
          {"part", split.part}};
}

Record record(const DataRecord& data) {
  return {{"type", "data"},
          {"trial", data.trial},
          {"dataset", data.dataset},
          {"file", data.file},
          {"digest", data.digest}};
}

Record record(const AttemptRecord& attempt) {
  Record resumed;
  if (attempt.resumed_from_step) resumed = *attempt.resumed_from_step;
  return {{"type", "attempt"},
          {"trial", attempt.trial},
          {"host", attempt.host},
          {"ranks", attempt.ranks},
          {"threads", attempt.threads},
          {"precision", attempt.precision},
          {"resumed_from_step", std::move(resumed)}};
}

Record record(const EpochRecord& epoch) {
  return {{"type", "epoch"},
          {"trial", epoch.trial},
          {"epoch", epoch.epoch},
          {"step", epoch.step},
          {"losses", epoch.losses},
          {"learning_rate", epoch.learning_rate},
          {"samples_per_second", epoch.samples_per_second},
          {"seconds", epoch.seconds},
          {"data_seconds", epoch.data_seconds}};
}

Record record(const ValueRecord& value) {
  Record number;
  if (value.value) number = *value.value;
  return {{"type", "value"},           {"trial", value.trial},      {"split", value.split},
          {"dataset", value.dataset},  {"epoch", value.epoch},      {"step", value.step},
          {"sample", value.sample},    {"class", value.class_name}, {"metric", value.metric},
          {"value", std::move(number)}};
}

Record record(const CheckpointRecord& checkpoint) {
  Record best;
  if (!checkpoint.best.empty()) best = checkpoint.best;
  return {{"type", "checkpoint"},    {"trial", checkpoint.trial}, {"epoch", checkpoint.epoch},
          {"step", checkpoint.step}, {"path", checkpoint.path},   {"best", std::move(best)}};
}

Record record(const StopRecord& stop) {
  return {{"type", "stop"},
          {"trial", stop.trial},
          {"reason", stop.reason},
          {"epoch", stop.epoch},
          {"step", stop.step}};
}

Record record(const FailureRecord& failure) {
  return {{"type", "failure"},
          {"trial", failure.trial},
          {"failure", name_of(failure.failure)},
          {"message", failure.message},
          {"samples", failure.samples},
          {"step", failure.step}};
}

Record record(const DoneRecord& done) {
  return {{"type", "done"},
          {"trial", done.trial},
          {"epochs", done.epochs},
          {"seconds", done.seconds},
          {"peak_memory", done.peak_memory}};
}

Record record(const RemovedRecord& removed) {
  return {{"type", "removed"}, {"trial", removed.trial}};
}

}  // namespace medsweep::results
