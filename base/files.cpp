#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace medsweep {

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

std::int64_t check_errno(std::int64_t result, std::string_view where, std::string_view what) {
  if (result < 0)
    throw std::runtime_error(fmt::format("[{}] {}: {}", where, what, std::strerror(errno)));
  return result;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw std::runtime_error(
        fmt::format("[{}] cannot be read: {}", path.string(), std::strerror(errno)));
  // What the file system says, and one byte more to see the end; some files (/proc) say nothing.
  std::error_code no_size;
  const std::uintmax_t size = std::filesystem::file_size(path, no_size);
  const std::size_t block = std::max<std::size_t>(no_size ? 0 : size + 1, 4096);
  std::string bytes;
  for (std::size_t length = 0, got = block; got == block; bytes.resize(length)) {
    bytes.resize(length + block);
    file.read(bytes.data() + length, static_cast<std::streamsize>(block));
    got = static_cast<std::size_t>(file.gcount());
    length += got;
  }
  if (file.bad())
    throw std::runtime_error(
        fmt::format("[{}] cannot be read: {}", path.string(), std::strerror(errno)));
  return bytes;
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path temporary =
      path.string() + fmt::format(".{}.tmp", static_cast<int>(getpid()));
  try {
    const FileDescriptor file(static_cast<int>(
        check_errno(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644),
                    temporary.string(), "cannot be created")));
    while (!bytes.empty()) {
      const auto written = static_cast<std::size_t>(check_errno(
          write(file.get(), bytes.data(), bytes.size()), temporary.string(), "write failed"));
      bytes.remove_prefix(written);
    }
    check_errno(fsync(file.get()), temporary.string(), "fsync failed");
    check_errno(std::rename(temporary.c_str(), path.c_str()), path.string(), "rename failed");
  } catch (...) {
    unlink(temporary.c_str());
    throw;
  }
  sync_path(path.has_parent_path() ? path.parent_path() : ".");
}

void sync_path(const std::filesystem::path& path) {
  const FileDescriptor file(static_cast<int>(
      check_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC), path.string(), "cannot be opened")));
  check_errno(fsync(file.get()), path.string(), "fsync failed");
}

std::string expand_variables(std::string_view text) {
  std::string expanded;
  for (std::size_t start; (start = text.find("${")) != std::string_view::npos;) {
    const std::size_t end = text.find('}', start);
    if (end == std::string_view::npos) break;
    const std::string name(text.substr(start + 2, end - start - 2));
    const char* value = std::getenv(name.c_str());
    if (value == nullptr)
      throw std::invalid_argument(
          fmt::format("[{}] the environment variable {} is not set; export it", text, name));
    expanded.append(text.substr(0, start)).append(value);
    text.remove_prefix(end + 1);
  }
  return expanded.append(text);
}

}  // namespace medsweep
