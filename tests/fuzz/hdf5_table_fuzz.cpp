// A data file's tables and attributes out of any bytes are read through HDF5 or refused as
// std::runtime_error.
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include "datasets/hdf5_file.h"

namespace {

using namespace medsweep::datasets;

/// A file in memory.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : descriptor_(memfd_create("fuzz", 0)) {
    if (descriptor_ < 0 || write(descriptor_, data, size) != static_cast<ssize_t>(size))
      std::abort();
  }
  ~MemoryFile() { close(descriptor_); }
  std::string path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

 private:
  int descriptor_;
};

template <typename Work>
void attempt(const Work& work) {
  try {
    work();
  } catch (const std::runtime_error&) {  // allowed: damaged
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile memory(data, size);
  attempt([&] {
    const Hdf5File file(memory.path(), Hdf5Mode::kRead);
    for (const char* name : {"name", "digest", "classes"})
      attempt([&] { read_text_attribute(file, name); });
    for (const char* name : {"medsweep_format", "channels", "label_codes"})
      attempt([&] { read_integers_attribute(file, name); });
    for (const char* name : {"/index/samples", "/index/arrays", "/index/chunks"})
      attempt([&] { read_table(file, name); });
  });
  return 0;
}
