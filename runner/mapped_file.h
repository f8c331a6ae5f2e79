#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace medsweep::runner {

/// A file's bytes, mapped; changes to them are private (copy on write).
/// Throws std::runtime_error that names the file.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  char* bytes() const { return bytes_; }
  std::size_t size() const { return size_; }
  std::string_view view() const { return {bytes_, size_}; }

 private:
  char* bytes_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace medsweep::runner
