#include "runner/trial_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <utility>

namespace medsweep::runner {

TrialReport::TrialReport(std::string identity, std::string name, results::Journal& journal,
                         Progress& progress, const std::filesystem::path& log)
    : identity_(std::move(identity)),
      name_(std::move(name)),
      log_(log, std::ios::app),
      journal_(&journal),
      progress_(&progress) {}

void TrialReport::write_log(const std::string& line) {
  log_ << fmt::format("{:%Y-%m-%dT%H:%M:%SZ}  {}", fmt::gmtime(std::time(nullptr)), line)
       << std::endl;
}

void TrialReport::append_all(const std::vector<results::ValueRecord>& values) {
  if (journal_ == nullptr) return;
  std::vector<results::Record> records;
  records.reserve(values.size());
  for (const auto& value : values) records.push_back(results::record(value));
  journal_->append_all(records);
}

void TrialReport::sync() {
  if (journal_ != nullptr) journal_->sync();
}

void TrialReport::start(const ProgressLength& length) {
  if (progress_ != nullptr) progress_->start(name_, length);
}

void TrialReport::update(const ProgressPoint& point) {
  if (progress_ != nullptr) progress_->update(name_, point);
}

void TrialReport::end_epoch(const ProgressPoint& point, const std::string& remark) {
  if (progress_ == nullptr) return;
  progress_->end_epoch(name_, point, remark);
  write_log(fmt::format("epoch {} loss {:.4f} {}", point.epoch + 1, point.loss, remark));
}

void TrialReport::finish(const std::string& remark) {
  if (progress_ == nullptr) return;
  progress_->finish(name_, remark);
  write_log(remark);
}

void TrialReport::log(const std::string& line) {
  if (progress_ == nullptr) return;
  progress_->log(fmt::format("{}: {}", name_, line));
  write_log(line);
}

}  // namespace medsweep::runner
