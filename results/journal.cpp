#include "results/journal.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <random>
#include <stdexcept>
#include <utility>

#include "base/digest.h"
#include "results/layout.h"

namespace medsweep::results {
namespace {

constexpr auto kFlushInterval = std::chrono::seconds(1);

// A job's name as part of a file name.
std::string file_safe(std::string text) {
  for (char& letter : text)
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0 && letter != '.' && letter != '_')
      letter = '-';
  return text.empty() ? "job" : text;
}

// Not a stream of base/random.h: two jobs started in the same second must differ.
std::string random_suffix() {
  std::random_device device;
  return fmt::format("{:08x}", device());
}

}  // namespace

double now_seconds() {
  using std::chrono::milliseconds, std::chrono::duration_cast;
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(duration_cast<milliseconds>(since_1970).count()) / 1000.0;
}

std::string journal_line(Record record, double time) {
  record.erase("crc");
  record["time"] = time;
  std::string line = record.dump(-1, ' ', false, Record::error_handler_t::replace);
  line.pop_back();  // the closing brace
  const std::uint32_t checksum = crc32(line);
  line += fmt::format(",\"crc\":\"{:08x}\"}}\n", checksum);
  return line;
}

Journal::Journal(const std::filesystem::path& study_folder, const std::string& job) {
  const std::filesystem::path folder = journal_folder(study_folder);
  std::filesystem::create_directories(folder);
  create(folder, file_safe(job));
  sync_path(folder);
  append(Record{{"type", "journal"}, {"format", 1}, {"job", job}});
  flusher_ = std::thread([this] { flush_in_background(); });
}

void Journal::create(const std::filesystem::path& folder, const std::string& job) {
  const std::string start = fmt::format("{:%Y%m%dT%H%M%S}", fmt::gmtime(std::time(nullptr)));
  path_ = folder / fmt::format("{}-{}-{}.jsonl", job, start, random_suffix());
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC;
  file_ = FileDescriptor(static_cast<int>(
      check_errno(open(path_.c_str(), kFlags, 0644), path_.string(), "cannot be created")));
}

Journal::~Journal() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  flusher_.join();
  fsync(file_.get());
}

void Journal::append(const Record& record) { append_all(std::span(&record, 1)); }

void Journal::append_all(std::span<const Record> records) {
  const double time = now_seconds();
  std::string lines;
  for (const Record& record : records) lines += journal_line(record, time);
  const std::lock_guard lock(mutex_);
  if (!failure_.empty()) throw std::runtime_error(std::exchange(failure_, {}));
  write_all(torn_ ? "\n" + lines : lines);
  dirty_ = true;
  wake_.notify_all();
}

void Journal::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    // Said before the throw: whatever came through may have ended within a line.
    torn_ = written < 0;
    check_errno(written, path_.string(), "a record could not be written");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void Journal::sync() {
  const std::lock_guard lock(mutex_);
  if (!failure_.empty()) throw std::runtime_error(std::exchange(failure_, {}));
  check_errno(fsync(file_.get()), path_.string(), "fsync failed");
  dirty_ = false;
}

void Journal::flush_in_background() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    wake_.wait(lock, [this] { return dirty_ || ending_; });
    wake_.wait_for(lock, kFlushInterval, [this] { return ending_; });
    if (!std::exchange(dirty_, false)) continue;
    lock.unlock();  // records go on while the disk is slow
    const int result = fsync(file_.get());
    const int error = errno;
    lock.lock();
    if (result < 0)
      failure_ = fmt::format("[{}] fsync failed: {}", path_.string(), std::strerror(error));
  }
}

}  // namespace medsweep::results
