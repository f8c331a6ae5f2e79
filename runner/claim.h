#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace medsweep::runner {

struct ClaimOptions {
  std::chrono::milliseconds renew_every = std::chrono::seconds(20);
  /// A claim that was not renewed for so long is nobody's: its owner was killed or lost.
  std::chrono::milliseconds stale_after = std::chrono::minutes(3);
};

/// "This trial is being trained by me": a file in the trial's folder, created with O_EXCL and
/// renewed (its modification time) by a background thread while the claim lives. Two sweeps over
/// one results folder thus share the work instead of doing it twice.
///
/// It saves work; nothing recorded depends on it. A claim of this host whose process is gone is
/// stale at once; of another host, after `stale_after` by the file system's own clock.
class Claim {
 public:
  /// The claim on the trial of this folder, or nothing where somebody else holds one.
  /// Throws std::runtime_error where the folder cannot be written.
  static std::unique_ptr<Claim> take(const std::filesystem::path& trial_folder,
                                     const ClaimOptions& options = {});
  /// Gives it back.
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  Claim(std::filesystem::path file, const ClaimOptions& options);
  void renew();

  std::filesystem::path file_;
  ClaimOptions options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread renewer_;
};

/// Who holds the claim of a trial's folder, "node3, process 4711", or nothing.
std::optional<std::string> claimed_by(const std::filesystem::path& trial_folder,
                                      const ClaimOptions& options = {});

}  // namespace medsweep::runner
