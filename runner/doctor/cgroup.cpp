#include "runner/doctor/cgroup.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>

#include "base/files.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

// Version 1 writes "no limit" as the largest whole page below 2^63.
constexpr double kUnlimitedBytes = 1e18;

void tighten(std::optional<double>& limit, std::optional<double> other) {
  if (other) limit = std::min(limit.value_or(*other), *other);
}

/// The numbers in a file; none for "max", -1 and a file that is not there.
std::optional<double> number_at(const fs::path& path, int position = 0) {
  if (!fs::exists(path)) return std::nullopt;
  std::istringstream stream(read_file(path));
  std::string word;
  for (int i = 0; i <= position; ++i) stream >> word;
  if (word.empty() || word.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stod(word);
}

std::optional<double> memory_limit(const fs::path& file) {
  const auto bytes = number_at(file);
  return bytes && *bytes < kUnlimitedBytes ? bytes : std::nullopt;
}

std::optional<double> quota_share(std::optional<double> quota, std::optional<double> period) {
  return quota && period && *period > 0 ? std::optional(*quota / *period) : std::nullopt;
}

/// `use` of mount/path and of every folder above it down to the mount. In a container the path may
/// be that of the host and not exist here; the mount then is the container's own cgroup.
void for_each_level(const fs::path& mount, const std::string& path,
                    const std::function<void(const fs::path&)>& use) {
  fs::path relative = fs::path(path).relative_path();
  for (; !relative.empty(); relative = relative.parent_path())
    if (fs::exists(mount / relative)) use(mount / relative);
  use(mount);
}

void read_version_2(const fs::path& mount, const std::string& path, Limits& limits) {
  for_each_level(mount, path, [&](const fs::path& folder) {
    tighten(limits.memory_bytes, memory_limit(folder / "memory.max"));
    tighten(limits.cores,
            quota_share(number_at(folder / "cpu.max"), number_at(folder / "cpu.max", 1)));
  });
}

void read_version_1(const fs::path& mount, const std::string& controllers, const std::string& path,
                    Limits& limits) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == "memory")
      for_each_level(mount / "memory", path, [&](const fs::path& folder) {
        tighten(limits.memory_bytes, memory_limit(folder / "memory.limit_in_bytes"));
      });
    if (name == "cpu")
      for_each_level(mount / "cpu", path, [&](const fs::path& folder) {
        tighten(limits.cores, quota_share(number_at(folder / "cpu.cfs_quota_us"),
                                          number_at(folder / "cpu.cfs_period_us")));
      });
  }
}

double total_memory_bytes(const fs::path& meminfo) {
  std::istringstream stream(read_file(meminfo));
  for (std::string line; std::getline(stream, line);)
    if (line.starts_with("MemTotal:")) return std::stod(line.substr(9)) * 1024;
  throw std::runtime_error(
      fmt::format("[doctor] {} has no line MemTotal; one is needed", meminfo.string()));
}

}  // namespace

Limits read_limits(const fs::path& root) {
  Limits limits;
  limits.node_memory_bytes = total_memory_bytes(root / "proc/meminfo");
  const fs::path list = root / "proc/self/cgroup", mount = root / "sys/fs/cgroup";
  if (!fs::exists(list)) return limits;
  std::istringstream stream(read_file(list));
  for (std::string line; std::getline(stream, line);) {  // "4:memory:/a/b", or "0::/a/b"
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty())
      read_version_2(mount, path, limits);
    else
      read_version_1(mount, controllers, path, limits);
  }
  return limits;
}

}  // namespace medsweep::runner
