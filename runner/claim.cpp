#include "runner/claim.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/host.h"
#include "results/layout.h"

namespace medsweep::runner {
namespace {

/// Start time in the kernel's ticks: with it a reused process id is told apart.
std::string start_of_process(std::int64_t process) {
  try {
    const std::string text = read_file(fmt::format("/proc/{}/stat", process));
    // Field 22, counted after the command in parentheses, which may hold spaces.
    std::size_t position = text.rfind(')');
    if (position != std::string::npos && text.substr(position, 3) == ") Z") return {};  // ended
    for (int field = 2; field < 22 && position != std::string::npos; ++field)
      position = text.find(' ', position + 1);
    if (position == std::string::npos) return {};
    return text.substr(position + 1, text.find(' ', position + 1) - position - 1);
  } catch (const std::runtime_error&) {
    return {};  // no such process
  }
}

/// Seconds since a file's modification, by the clock of its file system.
std::optional<double> age_of(const std::filesystem::path& file) {
  const std::string probe = file.string() + fmt::format(".{}.now", static_cast<int>(getpid()));
  const FileDescriptor descriptor(static_cast<int>(check_errno(
      open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644), probe, "cannot be created")));
  struct stat now {
  }, then{};
  const int status_now = fstat(descriptor.get(), &now);
  const int status_then = stat(file.c_str(), &then);
  unlink(probe.c_str());
  if (status_now != 0 || status_then != 0) return std::nullopt;
  return static_cast<double>(now.st_mtim.tv_sec - then.st_mtim.tv_sec) +
         1e-9 * static_cast<double>(now.st_mtim.tv_nsec - then.st_mtim.tv_nsec);
}

bool is_stale(const std::filesystem::path& file, const nlohmann::json& owner,
              const ClaimOptions& options) {
  const std::optional<double> age = age_of(file);
  if (!age) return true;  // it went meanwhile
  if (!owner.empty() && owner.value("host", "") == host_name() &&
      start_of_process(owner.value("process", std::int64_t{0})) != owner.value("start", ""))
    return true;
  return *age > std::chrono::duration<double>(options.stale_after).count();
}

/// What a claim says; nothing where it went meanwhile or is just being written.
nlohmann::json owner_of(const std::filesystem::path& file) {
  try {
    auto owner = nlohmann::json::parse(read_file(file), nullptr, false);
    return owner.is_object() ? owner : nlohmann::json::object();
  } catch (const std::runtime_error&) {
    return nlohmann::json::object();
  }
}

/// True where the file was created, false where it was there.
bool create(const std::filesystem::path& file) {
  const std::string text = nlohmann::json{
      {"host", host_name()},
      {"process", getpid()},
      {"start", start_of_process(
                    getpid())}}.dump();
  const FileDescriptor descriptor(
      open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!descriptor && errno == EEXIST) return false;
  check_errno(descriptor.get(), file.string(), "cannot be created");
  check_errno(write(descriptor.get(), text.data(), text.size()), file.string(), "write failed");
  return true;
}

}  // namespace

std::unique_ptr<Claim> Claim::take(const std::filesystem::path& trial_folder,
                                   const ClaimOptions& options) {
  std::filesystem::create_directories(trial_folder);
  const std::filesystem::path file = results::claim_file(trial_folder);
  if (!create(file)) {
    if (!is_stale(file, owner_of(file), options)) return nullptr;
    // Of several that see a stale claim, one succeeds in renaming it away.
    const std::string away = file.string() + fmt::format(".{}.stale", static_cast<int>(getpid()));
    if (std::rename(file.c_str(), away.c_str()) != 0) return nullptr;
    if (!is_stale(away, owner_of(away), options)) {  // a quicker one had already taken it anew
      std::rename(away.c_str(), file.c_str());
      return nullptr;
    }
    unlink(away.c_str());
    if (!create(file)) return nullptr;
  }
  return std::unique_ptr<Claim>(new Claim(file, options));
}

Claim::Claim(std::filesystem::path file, const ClaimOptions& options)
    : file_(std::move(file)), options_(options), renewer_([this] { renew(); }) {}

Claim::~Claim() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  renewer_.join();
  unlink(file_.c_str());
}

void Claim::renew() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, options_.renew_every, [this] { return ending_; }))
    utimensat(AT_FDCWD, file_.c_str(), nullptr, 0);
}

std::optional<std::string> claimed_by(const std::filesystem::path& trial_folder,
                                      const ClaimOptions& options) {
  const std::filesystem::path file = results::claim_file(trial_folder);
  if (!std::filesystem::exists(file)) return std::nullopt;
  const nlohmann::json owner = owner_of(file);
  if (owner.empty() || is_stale(file, owner, options)) return std::nullopt;
  return fmt::format("{}, process {}", owner.value("host", "?"),
                     owner.value("process", std::int64_t{0}));
}

}  // namespace medsweep::runner
