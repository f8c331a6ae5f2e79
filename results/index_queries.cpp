#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "results/index.h"
#include "results/index_state.h"

namespace medsweep::results {
namespace {

// The tables with their names in clear.
#define NAME(column) "(SELECT text FROM names WHERE id=" #column ")"
constexpr std::array kDumpQueries{
    "SELECT 'file', path, offset, damaged FROM files",
    "SELECT 'trial', " NAME(study) ", " NAME(trial) ", name, knobs, seed, fold, time FROM trials",
    "SELECT 'split', " NAME(split) ", " NAME(sample) ", " NAME(patient) ", " NAME(part)
    " FROM splits",
    "SELECT 'data', " NAME(trial) ", " NAME(dataset) ", " NAME(file) ", digest, time FROM data",
    "SELECT 'epoch', " NAME(trial) ", epoch, step, losses, learning_rate, samples_per_second, "
    "seconds, time FROM epochs",
    "SELECT 'checkpoint', " NAME(trial) ", step, " NAME(best) ", epoch, path, time FROM checkpoints",
    "SELECT 'event', " NAME(trial) ", time, type, record FROM events",
    "SELECT 'heard', " NAME(trial) ", time FROM heard",
    "SELECT 'value', " NAME(trial) ", " NAME(split) ", " NAME(dataset) ", " NAME(metric)
    ", step, " NAME(sample) ", " NAME(class) ", epoch, ifnull(value, 'null'), time FROM vals",
};
#undef NAME

// -1, which no row has, for a text that no record holds.
std::int64_t id_of(SQLite::Database& database, const std::string& text) {
  SQLite::Statement row(database, "SELECT id FROM names WHERE text=?");
  row.bind(1, text);
  return row.executeStep() ? row.getColumn(0).getInt64() : -1;
}

double median(std::vector<double> numbers) {
  if (numbers.empty()) return 0;
  std::ranges::sort(numbers);
  const std::size_t middle = numbers.size() / 2;
  if (numbers.size() % 2 == 1) return numbers[middle];
  return (numbers[middle - 1] + numbers[middle]) / 2;
}

// The first epoch warms caches up: it counts only where there is no other.
double typical_epoch(std::vector<double> seconds) {
  if (seconds.size() > 1) seconds.erase(seconds.begin());
  return median(std::move(seconds));
}

void apply_event(const std::string& type, const nlohmann::json& record, TrialProgress& progress) {
  if (type == "removed") {
    progress = {};
  } else if (type == "attempt") {
    progress.ranks = record.value("ranks", std::int64_t{1});
    progress.host = record.value("host", "");
  }
  if (progress.state == TrialState::kDone || type == "removed") return;
  progress.detail.clear();
  progress.message.clear();
  if (type == "attempt") {
    progress.state = TrialState::kRunning;
  } else if (type == "done") {
    progress.state = TrialState::kDone;
  } else if (type == "stop") {
    progress.state = TrialState::kStopped;
    progress.detail = record.value("reason", "");
  } else if (type == "failure") {
    progress.state = TrialState::kFailed;
    progress.detail = record.value("failure", "");
    progress.message = record.value("message", "");
  }
}

}  // namespace

const char* name_of(TrialState state) {
  switch (state) {
    case TrialState::kPlanned:
      return "planned";
    case TrialState::kRunning:
      return "running";
    case TrialState::kStopped:
      return "stopped";
    case TrialState::kFailed:
      return "failed";
    case TrialState::kDone:
      return "done";
  }
  throw std::invalid_argument("[trial] not a state");
}

std::string kind_of(const std::string& knobs, std::span<const std::string> keys,
                    std::int64_t ranks) {
  const nlohmann::json all = nlohmann::json::parse(knobs);
  nlohmann::json kind = nlohmann::json::object();
  for (const std::string& key : keys)
    if (all.contains(key)) kind[key] = all[key];
  return fmt::format("{} ranks={}", kind.dump(), ranks);
}

TrialProgress Index::progress(const std::string& trial) const {
  SQLite::Database& database = *state_->database;
  const std::int64_t id = id_of(database, trial);
  TrialProgress progress;
  double removed = -1;
  SQLite::Statement events(database,
                           "SELECT type, record, time FROM events WHERE trial=? "
                           "ORDER BY time, type='removed' DESC, type");
  events.bind(1, id);
  while (events.executeStep()) {
    const std::string type = events.getColumn(0).getString();
    apply_event(type, nlohmann::json::parse(events.getColumn(1).getString()), progress);
    if (type == "removed") removed = events.getColumn(2).getDouble();
  }
  std::vector<double> seconds;
  SQLite::Statement epochs(
      database, "SELECT epoch, seconds FROM epochs WHERE trial=? AND time>? ORDER BY epoch");
  epochs.bind(1, id);
  epochs.bind(2, removed);
  while (epochs.executeStep()) {
    progress.epochs = epochs.getColumn(0).getInt64();
    seconds.push_back(epochs.getColumn(1).getDouble());
  }
  progress.epoch_seconds = typical_epoch(std::move(seconds));
  SQLite::Statement heard(database, "SELECT time FROM heard WHERE trial=?");
  heard.bind(1, id);
  if (heard.executeStep()) progress.last_heard = heard.getColumn(0).getDouble();
  return progress;
}

std::vector<CheckpointEntry> Index::checkpoints(const std::string& trial) const {
  SQLite::Statement rows(*state_->database,
                         "SELECT c.epoch, c.step, c.path, b.text FROM checkpoints c JOIN names b "
                         "ON b.id=c.best WHERE c.trial=? ORDER BY c.step, b.text");
  rows.bind(1, id_of(*state_->database, trial));
  std::vector<CheckpointEntry> entries;
  while (rows.executeStep())
    entries.push_back({rows.getColumn(0).getInt64(), rows.getColumn(1).getInt64(),
                       rows.getColumn(2).getString(), rows.getColumn(3).getString()});
  return entries;
}

bool Index::has_values(const std::string& trial, const std::string& split) const {
  SQLite::Statement rows(*state_->database, "SELECT 1 FROM vals WHERE trial=? AND split=? LIMIT 1");
  rows.bind(1, id_of(*state_->database, trial));
  rows.bind(2, id_of(*state_->database, split));
  return rows.executeStep();
}

std::vector<Value> Index::values(const std::string& trial, const ValueQuery& query) const {
  SQLite::Database& database = *state_->database;
  std::int64_t best_step = -1;
  for (const CheckpointEntry& entry : checkpoints(trial))
    if (entry.best == query.best) best_step = entry.step;
  const std::string key =
      fmt::format("trial={} AND split={} AND dataset={} AND metric=?1", id_of(database, trial),
                  id_of(database, query.split), id_of(database, query.dataset));
  const std::string step = query.checkpoint == CheckpointChoice::kBest
                               ? fmt::format("{}", best_step)
                               : fmt::format("(SELECT max(step) FROM vals WHERE {})", key);
  SQLite::Statement rows(database,
                         fmt::format("SELECT s.text, c.text, v.value, v.epoch, v.step FROM vals v "
                                     "JOIN names s ON s.id=v.sample JOIN names c ON c.id=v.class "
                                     "WHERE {} AND step={} ORDER BY s.text, c.text",
                                     key, step));
  std::vector<Value> values;
  for (const std::string& metric : query.metrics) {
    rows.bind(1, id_of(database, metric));
    while (rows.executeStep()) {
      std::optional<double> value;
      if (!rows.getColumn(2).isNull()) value = rows.getColumn(2).getDouble();
      values.push_back({rows.getColumn(0).getString(), rows.getColumn(1).getString(), metric, value,
                        rows.getColumn(3).getInt64(), rows.getColumn(4).getInt64()});
    }
    rows.reset();
  }
  return values;
}

std::map<std::string, std::string> Index::trials_of(const std::string& study) const {
  SQLite::Statement rows(*state_->database,
                         "SELECT n.text, t.name FROM trials t JOIN names n ON n.id=t.trial "
                         "WHERE t.study=?");
  rows.bind(1, id_of(*state_->database, study));
  std::map<std::string, std::string> trials;
  while (rows.executeStep()) trials[rows.getColumn(0).getString()] = rows.getColumn(1).getString();
  return trials;
}

std::map<std::string, double> Index::epoch_seconds(std::span<const std::string> knobs) const {
  SQLite::Statement rows(*state_->database,
                         "SELECT n.text, min(t.knobs) FROM trials t JOIN names n ON n.id=t.trial "
                         "GROUP BY t.trial");
  std::map<std::string, std::vector<double>> seconds;
  while (rows.executeStep()) {
    const TrialProgress progress = this->progress(rows.getColumn(0).getString());
    if (progress.epoch_seconds > 0)
      seconds[kind_of(rows.getColumn(1).getString(), knobs, progress.ranks)].push_back(
          progress.epoch_seconds);
  }
  std::map<std::string, double> medians;
  for (auto& [kind, all] : seconds) medians[kind] = median(std::move(all));
  return medians;
}

std::string Index::dump() const {
  std::string text;
  for (const char* query : kDumpQueries) {
    std::vector<std::string> lines;
    SQLite::Statement rows(*state_->database, query);
    while (rows.executeStep()) {
      std::string line;
      for (int column = 0; column < rows.getColumnCount(); ++column)
        line += rows.getColumn(column).getString() + '\t';
      lines.push_back(std::move(line));
    }
    std::ranges::sort(lines);
    for (const std::string& line : lines) text += line + '\n';
  }
  return text;
}

}  // namespace medsweep::results
