#pragma once

#include <SQLiteCpp/SQLiteCpp.h>
#include <simdjson.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <unordered_map>

namespace medsweep::results {

/// Raised with every change of the tables below: an index of another version is rebuilt.
inline constexpr int kIndexVersion = 2;

/// Makes the index's tables in an empty database.
void create_index_tables(SQLite::Database& database);

/// Puts records into the index's tables, inside a transaction of the caller's. Texts are kept once,
/// in `names`. A record put in twice, or in another order, leaves the same tables.
class IndexIngest {
 public:
  explicit IndexIngest(SQLite::Database& database);

  /// One record. What it does not know, it leaves: later versions write more. False when a member
  /// is missing or of another type.
  bool add(simdjson::dom::object record);
  /// What is only written once per refresh: when each trial was last heard of.
  void finish();

 private:
  std::int64_t name(std::string_view text);
  void add_by_type(simdjson::dom::object record);
  void add_value(simdjson::dom::object record);
  void add_trial(simdjson::dom::object record);
  void add_split(simdjson::dom::object record);
  void add_data(simdjson::dom::object record);
  void add_epoch(simdjson::dom::object record);
  void add_checkpoint(simdjson::dom::object record);
  void add_event(std::string_view type, simdjson::dom::object record);

  SQLite::Database& database_;
  SQLite::Statement name_, value_, trial_, split_, data_, epoch_, checkpoint_, event_, heard_;
  std::unordered_map<std::string, std::int64_t> names_;
  std::map<std::int64_t, double> last_heard_;
};

}  // namespace medsweep::results
