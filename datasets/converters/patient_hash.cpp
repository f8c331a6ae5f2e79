#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "base/digest.h"
#include "base/files.h"
#include "datasets/converters/conversion.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLeastKeyBytes = 16, kRandomKeyBytes = 32, kPseudonymDigits = 20;

std::string read_patient_key(const fs::path& path) {
  if (!fs::is_regular_file(path))
    throw std::invalid_argument(
        fmt::format("[{}] no such file; --patient-key needs one of {} bytes "
                    "or more",
                    path.string(), kLeastKeyBytes));
  std::string key = read_file(path);
  if (key.size() < kLeastKeyBytes)
    throw std::invalid_argument(fmt::format("[{}] a key of {} bytes; {} or more are allowed",
                                            path.string(), key.size(), kLeastKeyBytes));
  return key;
}

/// Makes the key's file, which only its owner may read, whole or not at all; an existing one stays.
void make_random_key(const fs::path& path) {
  std::array<char, kRandomKeyBytes> bytes{};
  check_errno(getrandom(bytes.data(), bytes.size(), 0), path.string(), "no random bytes");
  std::string temporary = path.string() + ".XXXXXX";
  const FileDescriptor file(mkstemp(temporary.data()));
  check_errno(file.get(), path.string(), "cannot be created");
  try {
    const auto written = write(file.get(), bytes.data(), bytes.size());
    check_errno(written, temporary, "cannot be written");
    if (written != std::ssize(bytes))
      throw std::runtime_error(fmt::format("[{}] cannot be written: the disk is full", temporary));
    check_errno(fsync(file.get()), temporary, "cannot be flushed");
    if (link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST)
      check_errno(-1, path.string(), "cannot be created");
  } catch (...) {
    unlink(temporary.c_str());
    throw;
  }
  unlink(temporary.c_str());
}

std::string random_key_of(const fs::path& output) {
  const fs::path folder = output.string() + ".partial";
  fs::create_directory(folder);
  if (!fs::exists(folder / "key")) make_random_key(folder / "key");
  return read_patient_key(folder / "key");
}

}  // namespace

struct PatientHash::Key {
  fs::path output;
  std::mutex mutex;
  std::string bytes;
};

PatientHash::PatientHash(const ConverterOptions& options) : key_(std::make_shared<Key>()) {
  key_->output = options.output;
  if (!options.patient_key.empty()) key_->bytes = read_patient_key(options.patient_key);
}

std::string PatientHash::operator()(std::string_view identity) const {
  const std::lock_guard lock(key_->mutex);
  if (key_->bytes.empty()) key_->bytes = random_key_of(key_->output);
  return fmt::format("~{:.{}}", hmac_sha256_hex(key_->bytes, identity), kPseudonymDigits);
}

}  // namespace medsweep::datasets
