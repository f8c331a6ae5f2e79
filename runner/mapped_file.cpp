#include "runner/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/files.h"

namespace medsweep::runner {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const std::string where = path.string();
  const FileDescriptor file(static_cast<int>(
      check_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC), where, "cannot be opened")));
  struct stat status {};
  check_errno(fstat(file.get(), &status), where, "fstat failed");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* mapped = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.get(), 0);
  check_errno(mapped == MAP_FAILED ? -1 : 0, where, "mmap failed");
  bytes_ = static_cast<char*>(mapped);
}

MappedFile::~MappedFile() {
  if (bytes_ != nullptr) munmap(bytes_, size_);
}

}  // namespace medsweep::runner
