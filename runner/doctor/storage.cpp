#include "runner/doctor/storage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/files.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 20;
constexpr std::size_t kBlockBytes = 4096;
constexpr std::chrono::seconds kPatience{30};

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + long(values.size() / 2), values.end());
  return values[values.size() / 2];
}

FileDescriptor open_file(const fs::path& path, int flags) {
  return FileDescriptor(int(
      check_errno(open(path.c_str(), flags | O_CLOEXEC, 0666), "doctor.storage", path.string())));
}

void append(const FileDescriptor& file, const std::string& bytes, const fs::path& path) {
  check_errno(write(file.get(), bytes.data(), bytes.size()), "doctor.storage", path.string());
}

double measure_fsync(const fs::path& folder) {
  const fs::path path = folder / "fsync";
  const auto file = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
  std::vector<double> times;
  for (int i = 0; i < kRounds; ++i) {
    const auto start = Clock::now();
    append(file, std::string(kBlockBytes, 'x'), path);
    check_errno(fsync(file.get()), "doctor.storage", path.string());
    times.push_back(milliseconds_since(start));
  }
  return median(times);
}

int count_exclusive_rounds(Communicator& world, const fs::path& folder) {
  int exclusive = 0;
  for (int i = 0; i < kRounds; ++i) {
    const fs::path path = folder / fmt::format("claim-{}", i);
    world.barrier();
    const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    std::array<double, 1> winners{file ? 1.0 : 0.0};
    world.all_reduce_sum(winners);
    exclusive += winners[0] == 1.0;
  }
  return exclusive;
}

std::string version_of(int number) { return std::string(kBlockBytes, char('a' + number % 26)); }

double rename_versions(const fs::path& folder, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const fs::path part = folder / "version.tmp";
    append(open_file(part, O_WRONLY | O_CREAT | O_TRUNC), version_of(i), part);
    const auto start = Clock::now();
    fs::rename(part, folder / "version");
    times.push_back(milliseconds_since(start));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return median(times);
}

/// One read of the file that is being replaced: whole, or not (also where it is not there).
bool reads_whole_version(const fs::path& folder) {
  const FileDescriptor file(open((folder / "version").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  std::string bytes(2 * kBlockBytes, '\0');
  const auto size = read(file.get(), bytes.data(), bytes.size());
  return size == ssize_t(kBlockBytes) && bytes.find_first_not_of(bytes[0]) == kBlockBytes;
}

void measure_rename(Communicator& world, const fs::path& folder, StorageFacts& facts) {
  if (world.rank() == 0) rename_versions(folder, 1);
  world.barrier();
  std::array<double, 2> counts{0, 0};  // reads, whole ones
  std::thread reader([&] {
    const auto end = Clock::now() + std::chrono::milliseconds(100);
    while (Clock::now() < end) {
      ++counts[0];
      counts[1] += reads_whole_version(folder);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  if (world.rank() == 0) facts.rename_ms = rename_versions(folder, kRounds);
  reader.join();
  world.all_reduce_sum(counts);
  facts.reads = int(counts[0]);
  facts.whole_reads = int(counts[1]);
}

/// How long until the file has `bytes` bytes for a reader that opens it anew; none: too long.
std::optional<double> time_until_seen(const fs::path& path, std::size_t bytes) {
  const auto start = Clock::now();
  while (Clock::now() - start < kPatience) {
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file && lseek(file.get(), 0, SEEK_END) >= off_t(bytes)) return milliseconds_since(start);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::nullopt;
}

std::optional<double> measure_append(Communicator& world, const fs::path& folder) {
  const fs::path path = folder / "journal";
  FileDescriptor file;
  if (world.rank() == 0) file = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
  double longest = 0;
  for (std::size_t round = 1; round <= 5; ++round) {
    world.barrier();
    if (world.rank() == 0) append(file, "line\n", path);
    std::array<double, 1> slowest{time_until_seen(path, 5 * round).value_or(-1)};
    std::array<double, 1> missed{slowest[0] < 0 ? 1.0 : 0.0};
    world.all_reduce_max(slowest);
    world.all_reduce_max(missed);
    if (missed[0] > 0) return std::nullopt;
    longest = std::max(longest, slowest[0]);
  }
  return longest;
}

/// A name that cannot recur, made by rank 0; "" where it could not be made.
fs::path make_scratch(Communicator& world, const fs::path& folder) {
  std::string made;
  if (world.rank() == 0) {
    const fs::path path = folder / fmt::format(".medsweep-doctor-{:08x}", std::random_device()());
    std::error_code error;
    if (fs::create_directory(path, error)) made = path.string();
  }
  made = world.broadcast(made);
  if (made.empty())
    throw std::runtime_error(
        fmt::format("[doctor.storage] no folder can be made in {}", folder.string()));
  return made;
}

}  // namespace

StorageFacts measure_storage(Communicator& world, const fs::path& folder) {
  std::array<double, 1> missing{fs::is_directory(folder) ? 0.0 : 1.0};
  world.all_reduce_max(missing);
  if (missing[0] > 0)
    throw std::invalid_argument(
        fmt::format("[doctor.storage] {} is not a folder on every node; an existing one is allowed",
                    folder.string()));
  const fs::path scratch = make_scratch(world, folder);
  StorageFacts facts{.folder = folder, .rounds = kRounds, .append_visible_ms = std::nullopt};
  if (world.rank() == 0) facts.fsync_ms = measure_fsync(scratch);
  facts.exclusive = count_exclusive_rounds(world, scratch);
  measure_rename(world, scratch, facts);
  facts.append_visible_ms = measure_append(world, scratch);
  std::array<double, 2> times{facts.fsync_ms, facts.rename_ms};
  world.all_reduce_max(times);
  facts.fsync_ms = times[0];
  facts.rename_ms = times[1];
  world.barrier();
  if (world.rank() == 0) fs::remove_all(scratch);
  return facts;
}

}  // namespace medsweep::runner
