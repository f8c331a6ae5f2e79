#include "datasets/staging.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/digest.h"
#include "base/files.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

// statfs's numbers: NFS, SMB, CIFS, SMB2, Lustre, GPFS, Ceph, FUSE (sshfs, BeeGFS clients), AFS,
// BeeGFS, OrangeFS, PanFS, 9P.
constexpr std::array<std::uint32_t, 13> kRemote{
    0x6969,     0x517B,     0xFF534D42, 0xFE534D42, 0x0BD00BD0, 0x47504653, 0x00C36400,
    0x65735546, 0x5346414F, 0x19830326, 0x20030528, 0xAAD7AAEA, 0x01021997};
constexpr std::uint32_t kMemory = 0x01021994;  // tmpfs
constexpr std::size_t kBlock = std::size_t{4} << 20;

std::uint32_t kind_of(const fs::path& path) {
  struct statfs status {};
  return statfs(path.c_str(), &status) == 0 ? static_cast<std::uint32_t>(status.f_type) : 0;
}

bool is_remote(const fs::path& path) {
  return std::ranges::find(kRemote, kind_of(path)) != kRemote.end();
}

/// Where `auto` copies to; empty: nowhere.
fs::path local_folder(const fs::path& file) {
  if (!is_remote(file)) return {};
  for (const char* variable : {"SLURM_TMPDIR", "TMPDIR", ""}) {
    const char* value = *variable == '\0' ? "/tmp" : std::getenv(variable);
    if (value == nullptr || *value == '\0') continue;
    fs::path folder = value;
    std::error_code error;
    const fs::space_info space = fs::space(folder, error);
    if (error || is_remote(folder) || kind_of(folder) == kMemory) continue;
    if (space.available / 11 * 10 > fs::file_size(file)) return folder;
  }
  return {};
}

/// The copy's name: who, and which state of which file.
std::string copy_name(const fs::path& file) {
  struct stat status {};
  check_errno(stat(file.c_str(), &status), file.string(), "no such file");
  const std::string key =
      fmt::format("{} {} {} {} {} {}", fs::canonical(file).string(), status.st_size,
                  status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_dev, status.st_ino);
  return fmt::format("medsweep-{}-{}.h5", getuid(), sha256_hex(key).substr(0, 24));
}

/// Reads a file from beginning to end, its digest as the result; each block also goes to `sink`.
template <typename Sink>
std::string digest_while(int file, const std::string& where, const Sink& sink) {
  Sha256 digest;
  std::vector<char> block(kBlock);
  while (true) {
    const std::int64_t count = check_errno(read(file, block.data(), block.size()), where, "read");
    if (count == 0) return digest.hex();
    digest.update(block.data(), static_cast<std::size_t>(count));
    sink(block.data(), static_cast<std::size_t>(count));
  }
}

FileDescriptor open_checked(const fs::path& path, int flags) {
  return FileDescriptor(static_cast<int>(
      check_errno(open(path.c_str(), flags | O_CLOEXEC, 0600), path.string(), "cannot be opened")));
}

/// Copies, flushes, reads back, compares, renames. Throws std::runtime_error; nothing is left then.
void make_copy(const fs::path& file, const fs::path& copy) {
  const fs::path temporary = copy.string() + ".tmp";
  try {
    const FileDescriptor from = open_checked(file, O_RDONLY);
    const FileDescriptor to = open_checked(temporary, O_RDWR | O_CREAT | O_TRUNC);
    const std::string wanted =
        digest_while(from.get(), file.string(), [&](const char* bytes, std::size_t size) {
          for (std::size_t done = 0; done < size;)
            done += static_cast<std::size_t>(check_errno(write(to.get(), bytes + done, size - done),
                                                         temporary.string(), "cannot be written"));
        });
    check_errno(fsync(to.get()), temporary.string(), "not flushed");
    posix_fadvise(to.get(), 0, 0, POSIX_FADV_DONTNEED);  // read back from the disk
    check_errno(lseek(to.get(), 0, SEEK_SET), temporary.string(), "seek");
    if (digest_while(to.get(), temporary.string(), [](const char*, std::size_t) {}) != wanted)
      throw std::runtime_error(
          fmt::format("[{}] reads back differently: faulty disk", temporary.string()));
    fs::rename(temporary, copy);
  } catch (...) {
    unlink(temporary.c_str());
    throw;
  }
}

/// Held by who copies; its text is the process that is to remove the copy.
class CopyLock {
 public:
  explicit CopyLock(const fs::path& path) : file_(open_checked(path, O_RDWR | O_CREAT)) {
    while (flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR)
        check_errno(-1, path.string(), "cannot be locked");
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  bool owner_lives() const {
    std::array<char, 32> text{};
    const ssize_t size = pread(file_.get(), text.data(), text.size(), 0);
    pid_t owner = 0;
    if (size > 0) std::from_chars(text.data(), text.data() + size, owner);
    return owner > 0 && (kill(owner, 0) == 0 || errno == EPERM);
  }
  void own(const fs::path& path) const {
    const std::string text = std::to_string(getpid());
    check_errno(ftruncate(file_.get(), 0), path.string(), "cannot be shortened");
    check_errno(pwrite(file_.get(), text.data(), text.size(), 0), path.string(), "not written");
  }

 private:
  FileDescriptor file_;
};

/// The copies that this process is to remove.
class Copies {
 public:
  ~Copies() { remove_all(); }
  void add(const fs::path& copy) {
    const std::scoped_lock lock(mutex_);
    if (std::ranges::find(paths_, copy) == paths_.end()) paths_.push_back(copy);
  }
  void remove_all() {
    const std::scoped_lock lock(mutex_);
    for (const fs::path& copy : paths_) {
      unlink(copy.c_str());
      unlink((copy.string() + ".lock").c_str());
    }
    paths_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<fs::path> paths_;
};

Copies& copies() {
  static Copies made;
  return made;
}

Staged copy_into(const fs::path& folder, const fs::path& file) {
  fs::create_directories(folder);
  const fs::path copy = folder / copy_name(file), lock_path = copy.string() + ".lock";
  const CopyLock lock(lock_path);
  const bool is_there = fs::exists(copy);
  if (!is_there) make_copy(file, copy);
  if (!is_there || !lock.owner_lives()) {
    lock.own(lock_path);
    copies().add(copy);
  }
  return {copy, is_there ? "" : fmt::format("{} copied to {}", file.string(), copy.string())};
}

}  // namespace

Staged stage_file(const fs::path& file, std::string_view stage) {
  if (stage.empty()) throw std::invalid_argument("[stage] empty; off, auto or a folder is allowed");
  if (!fs::exists(file))
    throw std::invalid_argument(fmt::format("[{}] no such file", file.string()));
  if (stage == "off") return {file};
  const fs::path folder = stage == "auto" ? local_folder(file) : fs::path(stage);
  if (folder.empty()) return {file};
  try {
    return copy_into(folder, file);
  } catch (const std::exception& error) {  // the file itself does as well, only slower
    return {file, fmt::format("{} is read in place: {}", file.string(), error.what())};
  }
}

void remove_staged_files() { copies().remove_all(); }

}  // namespace medsweep::datasets
