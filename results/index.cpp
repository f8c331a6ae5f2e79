#include "results/index.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <utility>

#include "base/digest.h"
#include "results/index_ingest.h"
#include "results/index_state.h"
#include "results/journal_reader.h"
#include "results/layout.h"

namespace medsweep::results {
namespace {

namespace fs = std::filesystem;

constexpr auto kAbandonedAfter = std::chrono::hours(24);

bool can_be_written(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  return !error && access(folder.c_str(), W_OK | X_OK) == 0;
}

// One cache file for each list of runs folders.
fs::path cache_file(const fs::path& cache, const std::vector<fs::path>& folders) {
  std::string text;
  for (const fs::path& folder : folders) text += folder.string() + '\n';
  return cache / fmt::format("index-{}.sqlite", sha256_hex(text).substr(0, 16));
}

// What readers that died have left.
void remove_abandoned(const fs::path& cached) {
  const std::string prefix = cached.filename().string() + ".";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cached.parent_path(), error)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    const auto written = fs::last_write_time(entry.path(), error);
    if (!error && fs::file_time_type::clock::now() - written > kAbandonedAfter)
      fs::remove(entry.path(), error);
  }
}

// Private to this process: no locks (shared file systems may have none), no second journal.
std::unique_ptr<SQLite::Database> open_private(const fs::path& path) {
  auto database = std::make_unique<SQLite::Database>(
      path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 0, "unix-none");
  database->exec(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
      "PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY");
  return database;
}

int version_of(SQLite::Database& database) {
  return database.execAndGet("PRAGMA user_version").getInt();
}

}  // namespace

fs::path default_index_cache() {
  std::vector<fs::path> folders;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0')
    folders.push_back(fs::path(cache) / "medsweep");
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    folders.push_back(fs::path(home) / ".cache" / "medsweep");
  const std::string own = fmt::format("medsweep-{}", getuid());
  if (const char* scratch = std::getenv("TMPDIR"); scratch != nullptr && *scratch != '\0')
    folders.push_back(fs::path(scratch) / own);
  folders.push_back(fs::path("/tmp") / own);
  for (const fs::path& folder : folders)
    if (can_be_written(folder)) return folder;
  throw std::runtime_error(fmt::format(
      "[index] none of the cache folders can be written; the last tried was {}; set TMPDIR",
      folders.back().string()));
}

Index::Index(const std::vector<fs::path>& runs_folders, const fs::path& cache)
    : state_(std::make_unique<State>()) {
  for (const fs::path& folder : runs_folders)
    state_->folders.push_back(fs::weakly_canonical(fs::absolute(folder)));
  if (!can_be_written(cache))
    throw std::runtime_error(fmt::format("[{}] the index cannot be kept there", cache.string()));
  state_->cached = cache_file(cache, state_->folders);
  state_->own =
      fmt::format("{}.{}.{:08x}", state_->cached.string(), getpid(), std::random_device()());
  remove_abandoned(state_->cached);
  std::error_code error;
  fs::rename(state_->cached, state_->own, error);  // where there is none yet, a new one is made
  state_->open();
  refresh();
}

Index::~Index() = default;
Index::Index(Index&&) noexcept = default;
Index& Index::operator=(Index&&) noexcept = default;

Index::State::~State() {
  database.reset();
  std::error_code error;
  if (whole)
    fs::rename(own, cached, error);
  else
    fs::remove(own, error);
}

void Index::State::open() {
  try {
    database = open_private(own);
    if (version_of(*database) == kIndexVersion) return;
  } catch (const SQLite::Exception&) {
    // A damaged file is no more than an outdated one: it is made again below.
  }
  start_anew();
}

void Index::State::start_anew() {
  whole = false;
  made_now = true;
  database.reset();
  fs::remove(own);
  database = open_private(own);
  create_index_tables(*database);
}

bool Index::State::agrees_with_journals() const {
  SQLite::Statement files(*database, "SELECT path, offset FROM files");
  while (files.executeStep()) {
    std::error_code error;
    const auto size = fs::file_size(files.getColumn(0).getString(), error);
    if (error || static_cast<std::int64_t>(size) < files.getColumn(1).getInt64()) return false;
  }
  return true;
}

void Index::State::read_journal(const fs::path& path, IndexIngest& ingest) {
  SQLite::Statement known(*database, "SELECT offset, damaged FROM files WHERE path=?");
  known.bind(1, path.string());
  const bool is_known = known.executeStep();
  const std::int64_t offset = is_known ? known.getColumn(0).getInt64() : 0;
  std::int64_t damaged = is_known ? known.getColumn(1).getInt64() : 0;
  ++report.files;
  if (is_known && static_cast<std::int64_t>(fs::file_size(path)) == offset) {
    report.damaged_lines += damaged;
    return;
  }
  JournalReader reader(path, offset);
  simdjson::dom::parser parser;
  while (const auto line = reader.next()) {
    simdjson::dom::object record;
    const auto parsed = parser.parse(line->text.data(), line->text.size(), false).get(record);
    if (parsed == simdjson::SUCCESS && ingest.add(record))
      ++report.records;
    else
      ++damaged;
  }
  damaged += reader.damaged();
  report.damaged_lines += damaged;
  SQLite::Statement put(*database, "INSERT OR REPLACE INTO files VALUES(?,?,?)");
  put.bind(1, path.string());
  put.bind(2, reader.offset());
  put.bind(3, damaged);
  put.exec();
}

RefreshReport Index::refresh() {
  State& state = *state_;
  state.report = {.rebuilt = std::exchange(state.made_now, false)};
  try {
    if (!state.agrees_with_journals()) {
      state.start_anew();
      state.report.rebuilt = std::exchange(state.made_now, false);
    }
    state.whole = false;
    SQLite::Transaction transaction(*state.database);
    IndexIngest ingest(*state.database);
    for (const fs::path& runs : state.folders)
      for (const fs::path& study : study_folders(runs))
        for (const fs::path& journal : journal_files(study)) state.read_journal(journal, ingest);
    ingest.finish();
    transaction.commit();
    state.whole = true;
  } catch (const SQLite::Exception& error) {
    throw std::runtime_error(
        fmt::format("[{}] the index cannot be written: {}", state.own.string(), error.what()));
  }
  return state.report;
}

const RefreshReport& Index::report() const { return state_->report; }

}  // namespace medsweep::results
