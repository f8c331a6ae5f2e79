#include "results/journal.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>
#include <set>
#include <stdexcept>
#include <thread>

#include "base/digest.h"
#include "results/journal_reader.h"
#include "results/layout.h"
#include "tests/results/temporary_folder.h"

namespace medsweep::results {
namespace {

namespace fs = std::filesystem;

class JournalTest : public InTemporaryFolder {};

std::vector<Record> records_in(const fs::path& path, std::int64_t* damaged = nullptr) {
  JournalReader reader(path);
  std::vector<Record> records;
  while (const auto line = reader.next()) records.push_back(Record::parse(line->text));
  if (damaged != nullptr) *damaged = reader.damaged();
  return records;
}

void append_bytes(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
}

TEST(JournalLine, EndsInTheChecksumOfWhatIsBeforeIt) {
  const std::string line = journal_line({{"type", "done"}, {"epochs", 2}}, 1.5);
  const std::string body = R"({"type":"done","epochs":2,"time":1.5)";
  EXPECT_EQ(line, fmt::format("{},\"crc\":\"{:08x}\"}}\n", body, crc32(body)));
  EXPECT_TRUE(checksum_holds(std::string_view(line).substr(0, line.size() - 1)));
  EXPECT_TRUE(Record::parse(line).contains("crc"));
}

TEST(JournalLine, WritesUndefinedNumbersAsNullAndBrokenTextAsText) {
  const Record record{{"value", std::nan("")},
                      {"other", std::numeric_limits<double>::infinity()},
                      {"message",
                       "a\xff"
                       "b\n\"quoted\""}};
  const std::string line = journal_line(record, 1);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const Record read = Record::parse(line);
  EXPECT_TRUE(read["value"].is_null());
  EXPECT_TRUE(read["other"].is_null());
  EXPECT_EQ(read["message"],
            "a\xEF\xBF\xBD"
            "b\n\"quoted\"");
}

TEST_F(JournalTest, GivesBackWhatWasAppendedInItsOrder) {
  Journal journal(folder_, "job 7/a");
  journal.append({{"type", "done"}, {"trial", "x"}});
  const std::vector<Record> two{{{"n", 1}}, {{"n", 2}}};
  journal.append_all(two);
  journal.sync();
  EXPECT_EQ(journal.path().parent_path(), journal_folder(folder_));
  EXPECT_THAT(journal.path().filename().string(),
              testing::MatchesRegex("job-7-a-[0-9]+T[0-9]+-[0-9a-f]+.jsonl"));
  const auto records = records_in(journal.path());
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[0]["type"], "journal");
  EXPECT_EQ(records[1]["trial"], "x");
  EXPECT_EQ(records[3]["n"], 2);
  EXPECT_GT(records[3]["time"], 1.7e9);
}

TEST_F(JournalTest, ATornLineIsSkippedAndCounted) {
  const fs::path path = folder_ / "a.jsonl";
  const std::string line = journal_line({{"n", 1}}, 1);
  append_bytes(path, line + line.substr(0, line.size() / 2) + "\n" + line);
  std::int64_t damaged = 0;
  EXPECT_EQ(records_in(path, &damaged).size(), 2U);
  EXPECT_EQ(damaged, 1);
}

TEST_F(JournalTest, EveryChangedByteIsFound) {
  const std::string line = journal_line({{"type", "value"}, {"value", 0.25}}, 1);
  for (std::size_t at = 0; at + 1 < line.size(); ++at) {
    std::string changed = line;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const fs::path path = folder_ / std::to_string(at);
    append_bytes(path, changed + line);
    EXPECT_EQ(records_in(path).size(), 1U) << "byte " << at;
  }
}

TEST_F(JournalTest, ALineStillInWritingIsLeftForTheNextReader) {
  const fs::path path = folder_ / "a.jsonl";
  const std::string line = journal_line({{"n", 1}}, 1);
  append_bytes(path, line + line.substr(0, 10));
  JournalReader first(path);
  EXPECT_EQ(first.next()->offset, 0);
  EXPECT_FALSE(first.next());
  EXPECT_EQ(first.offset(), static_cast<std::int64_t>(line.size()));
  append_bytes(path, line.substr(10));
  JournalReader second(path, first.offset());
  EXPECT_EQ(second.next()->offset, static_cast<std::int64_t>(line.size()));
  EXPECT_FALSE(second.next());
  EXPECT_EQ(first.damaged() + second.damaged(), 0);
}

TEST_F(JournalTest, LinesLongerThanAReadingBlockAreWhole) {
  const fs::path path = folder_ / "a.jsonl";
  const std::string line = journal_line({{"text", std::string(3'000'000, 'x')}}, 1);
  append_bytes(path, line + line);
  EXPECT_EQ(records_in(path).size(), 2U);
}

TEST_F(JournalTest, ThreadsShareAJournal) {
  Journal journal(folder_, "job");
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 4; ++writer)
    threads.emplace_back([&, writer] {
      for (int i = 0; i < 200; ++i) journal.append({{"writer", writer}, {"i", i}});
    });
  for (std::thread& thread : threads) thread.join();
  std::int64_t damaged = 0;
  EXPECT_EQ(records_in(journal.path(), &damaged).size(), 801U);
  EXPECT_EQ(damaged, 0);
}

TEST_F(JournalTest, ProcessesShareAFolderWithoutALock) {
  std::vector<pid_t> writers;
  for (int writer = 0; writer < 3; ++writer) {
    const pid_t child = fork();
    if (child == 0) {
      Journal journal(folder_, "job");
      for (int i = 0; i < 100; ++i) journal.append({{"writer", writer}, {"i", i}});
      _exit(0);
    }
    writers.push_back(child);
  }
  for (const pid_t writer : writers) {
    int status = 1;
    waitpid(writer, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const auto files = journal_files(folder_);
  ASSERT_EQ(files.size(), 3U);
  std::set<std::pair<int, int>> seen;
  for (const fs::path& file : files)
    for (const Record& record : records_in(file))
      if (record.contains("i")) seen.emplace(record["writer"].get<int>(), record["i"].get<int>());
  EXPECT_EQ(seen.size(), 300U);
}

/// Files of this process grow to `bytes` and no further: a full disk, as seen by write().
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(JournalTest, AFullDiskIsSaidAndTheNextRecordDoesNotMergeWithTheTornOne) {
  Journal journal(folder_, "job");
  journal.append({{"n", 1}});
  const auto size = fs::file_size(journal.path());
  {
    const FileSizeLimit limit(size + 20);  // the next record breaks off in its middle
    try {
      journal.append({{"n", 2}, {"text", std::string(100, 'x')}});
      FAIL() << "a record went onto a full disk";
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), fmt::format("[{}] a record could not be written: File too large",
                                          journal.path().string()));
    }
  }
  EXPECT_EQ(fs::file_size(journal.path()), size + 20);
  journal.append({{"n", 3}});
  journal.append({{"n", 4}});
  std::int64_t damaged = 0;
  const auto records = records_in(journal.path(), &damaged);
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[1]["n"], 1);
  EXPECT_EQ(records[2]["n"], 3);
  EXPECT_EQ(damaged, 1);
}

TEST_F(JournalTest, AFolderThatCannotBeMadeIsNamed) {
  append_bytes(folder_ / "file", "x");
  EXPECT_THROW(Journal(folder_ / "file", "job"), std::runtime_error);
}

}  // namespace
}  // namespace medsweep::results
