#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <stdexcept>
#include <system_error>

#include "base/files.h"
#include "results/checkpoint_choice.h"
#include "results/housekeeping.h"
#include "results/layout.h"

namespace medsweep::results {
namespace {

namespace fs = std::filesystem;

void run_tar(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawnp(&child, "tar", nullptr, nullptr, argv.data(), environ);
  if (error != 0)
    throw std::runtime_error(fmt::format("[tar] cannot be started: {}", std::strerror(error)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) check_errno(-1, "tar", "waiting for it failed");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error(
        fmt::format("[tar {}] ended with status {}; its message is above", arguments[1], status));
}

// What goes into the archive, relative to the runs folder, separated by zero bytes.
std::string file_list(const Housekeeping& where, const Index& index) {
  const fs::path runs = where.runs_folders.front();
  const fs::path study = study_folder(runs, where.study);
  std::string list;
  const auto add = [&](const fs::path& path) {
    if (fs::exists(path)) list += fs::relative(path, runs).string() + '\0';
  };
  add(frozen_study(study));
  add(journal_folder(study));
  if (!fs::is_directory(study / "trials")) return list;
  for (const auto& trial : fs::directory_iterator(study / "trials")) {
    add(trial.path() / "log.txt");
    add(trial.path() / "pictures");
    const std::string identity = trial.path().filename().string();
    for (const std::string& name : needed_checkpoints(trial.path(), index.checkpoints(identity)))
      add(checkpoints_folder(trial.path()) / name);
  }
  return list;
}

}  // namespace

void archive(const Housekeeping& where, const Index& index, const fs::path& output) {
  const std::string runs = where.runs_folders.front().string();
  if (where.study.empty() || !fs::is_directory(study_folder(runs, where.study)))
    throw std::invalid_argument(fmt::format("[{}/{}] no such study folder", runs, where.study));
  if (fs::exists(output))
    throw std::invalid_argument(fmt::format("[{}] exists; choose another name", output.string()));
  const std::string temporary = fs::absolute(output).string() + ".tmp";
  const std::string list = temporary + ".list";
  try {
    write_file_atomically(list, file_list(where, index));
    run_tar({"tar", "--create", "--gzip", "--file", temporary, "--directory", runs, "--null",
             "--verbatim-files-from", "--files-from", list});
    run_tar({"tar", "--compare", "--gzip", "--file", temporary, "--directory", runs});
    sync_path(temporary);
    fs::rename(temporary, output);
    fs::remove(list);
  } catch (...) {
    std::error_code ignored;  // the first error is the one to tell
    fs::remove(temporary, ignored);
    fs::remove(list, ignored);
    throw;
  }
}

}  // namespace medsweep::results
