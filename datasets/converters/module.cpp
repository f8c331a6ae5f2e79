#include "datasets/converters/module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>

namespace medsweep::datasets {

void* module_function(const char* library, const char* function) {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const std::filesystem::path path = folder / library;
  void* opened = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* found = opened == nullptr ? nullptr : dlsym(opened, function);
  if (found == nullptr)
    throw std::runtime_error(fmt::format("[{}] cannot be used: {}", path.string(), dlerror()));
  return found;
}

}  // namespace medsweep::datasets
