#include "results/index_ingest.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace medsweep::results {
namespace {

using simdjson::dom::object;

// The newer of two records with the same key stays; of equally old ones the larger value, so that
// the order in which files are read does not matter.
constexpr const char* kTables = R"sql(
CREATE TABLE names(id INTEGER PRIMARY KEY, text TEXT UNIQUE NOT NULL);
CREATE TABLE files(path TEXT PRIMARY KEY, offset INTEGER NOT NULL, damaged INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE trials(study INTEGER, trial INTEGER, name TEXT, knobs TEXT, seed INTEGER,
  fold INTEGER, time REAL, PRIMARY KEY(study, trial)) WITHOUT ROWID;
CREATE TABLE splits(split INTEGER, sample INTEGER, patient INTEGER, part INTEGER,
  PRIMARY KEY(split, sample)) WITHOUT ROWID;
CREATE TABLE data(trial INTEGER, dataset INTEGER, file INTEGER, digest TEXT, time REAL,
  PRIMARY KEY(trial, dataset, file)) WITHOUT ROWID;
CREATE TABLE epochs(trial INTEGER, epoch INTEGER, step INTEGER, losses TEXT, learning_rate REAL,
  samples_per_second REAL, seconds REAL, time REAL, PRIMARY KEY(trial, epoch)) WITHOUT ROWID;
CREATE TABLE checkpoints(trial INTEGER, step INTEGER, best INTEGER, epoch INTEGER, path TEXT,
  time REAL, PRIMARY KEY(trial, step, best)) WITHOUT ROWID;
CREATE TABLE events(trial INTEGER, time REAL, type TEXT, record TEXT,
  PRIMARY KEY(trial, time, type, record)) WITHOUT ROWID;
CREATE TABLE heard(trial INTEGER PRIMARY KEY, time REAL);
CREATE TABLE vals(trial INTEGER, split INTEGER, dataset INTEGER, metric INTEGER, step INTEGER,
  sample INTEGER, class INTEGER, epoch INTEGER, value REAL, time REAL,
  PRIMARY KEY(trial, split, dataset, metric, step, sample, class)) WITHOUT ROWID;
)sql";

constexpr const char* kPutValue =
    "INSERT INTO vals VALUES(?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
    "epoch=excluded.epoch, value=excluded.value, time=excluded.time WHERE excluded.time>time "
    "OR (excluded.time=time AND ifnull(excluded.value,-9e999)>ifnull(value,-9e999))";
constexpr const char* kPutTrial =
    "INSERT INTO trials VALUES(?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET name=excluded.name, "
    "knobs=excluded.knobs, seed=excluded.seed, fold=excluded.fold, time=excluded.time "
    "WHERE excluded.time>time OR (excluded.time=time AND excluded.name>name)";
constexpr const char* kPutData =
    "INSERT INTO data VALUES(?,?,?,?,?) ON CONFLICT DO UPDATE SET digest=excluded.digest, "
    "time=excluded.time WHERE excluded.time>time OR (excluded.time=time AND "
    "excluded.digest>digest)";
constexpr const char* kPutEpoch =
    "INSERT INTO epochs VALUES(?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET step=excluded.step, "
    "losses=excluded.losses, learning_rate=excluded.learning_rate, "
    "samples_per_second=excluded.samples_per_second, seconds=excluded.seconds, time=excluded.time "
    "WHERE excluded.time>time OR (excluded.time=time AND excluded.losses>losses)";
constexpr const char* kPutCheckpoint =
    "INSERT INTO checkpoints VALUES(?,?,?,?,?,?) ON CONFLICT DO UPDATE SET epoch=excluded.epoch, "
    "path=excluded.path, time=excluded.time "
    "WHERE excluded.time>time OR (excluded.time=time AND excluded.path>path)";

std::string_view text_of(object record, std::string_view key) { return record[key]; }
std::int64_t integer_of(object record, std::string_view key) { return record[key]; }

// Null where the number is undefined.
std::optional<double> number_of(object record, std::string_view key) {
  const simdjson::dom::element element = record[key];
  if (element.is_null()) return std::nullopt;
  return double(element);
}

template <typename... Values>
void put(SQLite::Statement& statement, const Values&... values) {
  int position = 0;
  const auto bind = [&](const auto& value) { statement.bind(++position, value); };
  (bind(values), ...);
  statement.exec();
  statement.reset();
}

}  // namespace

void create_index_tables(SQLite::Database& database) {
  database.exec(kTables);
  database.exec(fmt::format("PRAGMA user_version={}", kIndexVersion));
}

IndexIngest::IndexIngest(SQLite::Database& database)
    : database_(database),
      name_(database, "INSERT INTO names(text) VALUES(?)"),
      value_(database, kPutValue),
      trial_(database, kPutTrial),
      split_(database,
             "INSERT INTO splits VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET "
             "patient=excluded.patient, part=excluded.part"),
      data_(database, kPutData),
      epoch_(database, kPutEpoch),
      checkpoint_(database, kPutCheckpoint),
      event_(database, "INSERT OR IGNORE INTO events VALUES(?,?,?,?)"),
      heard_(
          database,
          "INSERT INTO heard VALUES(?,?) ON CONFLICT DO UPDATE SET time=max(time,excluded.time)") {
  SQLite::Statement known(database, "SELECT text, id FROM names");
  while (known.executeStep())
    names_.emplace(known.getColumn(0).getString(), known.getColumn(1).getInt64());
}

std::int64_t IndexIngest::name(std::string_view text) {
  const auto [entry, is_new] = names_.try_emplace(std::string(text), 0);
  if (is_new) {
    put(name_, entry->first);
    entry->second = database_.getLastInsertRowid();
  }
  return entry->second;
}

bool IndexIngest::add(object record) {
  try {
    add_by_type(record);
    return true;
  } catch (const simdjson::simdjson_error&) {
    return false;
  }
}

void IndexIngest::add_by_type(object record) {
  const std::string_view type = text_of(record, "type");
  if (type == "value")
    add_value(record);
  else if (type == "trial")
    return add_trial(record);
  else if (type == "split")
    return add_split(record);
  else if (type == "data")
    return add_data(record);
  else if (type == "epoch")
    add_epoch(record);
  else if (type == "checkpoint")
    add_checkpoint(record);
  else if (type == "attempt" || type == "stop" || type == "failure" || type == "done" ||
           type == "removed")
    add_event(type, record);
  else
    return;
  double& heard = last_heard_[name(text_of(record, "trial"))];
  heard = std::max(heard, double(record["time"]));
}

void IndexIngest::add_value(object record) {
  int position = 0;
  for (const char* key : {"trial", "split", "dataset", "metric"})
    value_.bind(++position, name(text_of(record, key)));
  value_.bind(++position, integer_of(record, "step"));
  for (const char* key : {"sample", "class"}) value_.bind(++position, name(text_of(record, key)));
  value_.bind(++position, integer_of(record, "epoch"));
  const std::optional<double> value = number_of(record, "value");
  value ? value_.bind(++position, *value) : value_.bind(++position);
  value_.bind(++position, double(record["time"]));
  value_.exec();
  value_.reset();
}

void IndexIngest::add_trial(object record) {
  const simdjson::dom::element fold = record["fold"];
  put(trial_, name(text_of(record, "study")), name(text_of(record, "trial")),
      std::string(text_of(record, "name")), simdjson::minify(record["knobs"]),
      integer_of(record, "seed"), fold.is_null() ? std::int64_t{-1} : std::int64_t(fold),
      double(record["time"]));
}

void IndexIngest::add_split(object record) {
  put(split_, name(text_of(record, "split")), name(text_of(record, "sample")),
      name(text_of(record, "patient")), name(text_of(record, "part")));
}

void IndexIngest::add_data(object record) {
  put(data_, name(text_of(record, "trial")), name(text_of(record, "dataset")),
      name(text_of(record, "file")), std::string(text_of(record, "digest")),
      double(record["time"]));
}

void IndexIngest::add_epoch(object record) {
  put(epoch_, name(text_of(record, "trial")), integer_of(record, "epoch"),
      integer_of(record, "step"), simdjson::minify(record["losses"]),
      number_of(record, "learning_rate").value_or(0),
      number_of(record, "samples_per_second").value_or(0), number_of(record, "seconds").value_or(0),
      double(record["time"]));
}

void IndexIngest::add_checkpoint(object record) {
  const simdjson::dom::element best = record["best"];
  put(checkpoint_, name(text_of(record, "trial")), integer_of(record, "step"),
      name(best.is_null() ? std::string_view() : std::string_view(best)),
      integer_of(record, "epoch"), std::string(text_of(record, "path")), double(record["time"]));
}

void IndexIngest::add_event(std::string_view type, object record) {
  put(event_, name(text_of(record, "trial")), double(record["time"]), std::string(type),
      simdjson::minify(record));
}

void IndexIngest::finish() {
  for (const auto& [trial, time] : last_heard_) put(heard_, trial, time);
  last_heard_.clear();
}

}  // namespace medsweep::results
