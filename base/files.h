#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace medsweep {

/// The whole file. Throws std::runtime_error that names it.
std::string read_file(const std::filesystem::path& path);

/// Writes `bytes` beside `path`, flushes them to the disk and renames: a reader sees the old file
/// or the new one, also after a power cut. Throws std::runtime_error; the old file then stays.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Flushes a file's or a folder's entries to the disk. Throws std::runtime_error.
void sync_path(const std::filesystem::path& path);

/// Throws std::runtime_error "[where] what: strerror" when `result` is negative; returns it
/// otherwise. For every C call that sets errno.
std::int64_t check_errno(std::int64_t result, std::string_view where, std::string_view what);

/// `${NAME}` replaced by the environment's value.
/// Throws std::invalid_argument that names a variable that is not set.
std::string expand_variables(std::string_view text);

/// A file descriptor that closes itself.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

}  // namespace medsweep
