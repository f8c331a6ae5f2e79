#include "runner/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/duration.h"

namespace medsweep::runner {
namespace {

constexpr double kMemorySeconds = 30;  // speeds are means over about this time

std::string cut_to(std::string line, int columns) {
  // Names are ASCII (short labels), so a byte is a column.
  if (columns > 0 && line.size() > static_cast<std::size_t>(columns))
    line.resize(static_cast<std::size_t>(columns));
  return line;
}

}  // namespace

Progress::Progress(Write write, const ProgressOptions& options, Clock clock)
    : write_(std::move(write)), options_(options), clock_(std::move(clock)) {}

Progress::Trial& Progress::trial(const std::string& name) {
  const auto [found, is_new] = trials_.try_emplace(name);
  if (is_new) found->second.last_time = clock_();
  return found->second;
}

void Progress::start(const std::string& name, const ProgressLength& length) {
  const std::lock_guard lock(mutex_);
  trials_.erase(name);
  Trial& started = trial(name);
  started.length = length;
  started.last_print = -std::numeric_limits<double>::infinity();
}

void Progress::advance(Trial& trial, const ProgressPoint& point) {
  const double now = clock_();
  const double seconds = now - trial.last_time;
  const auto done = [&](const ProgressPoint& at) {
    return static_cast<double>(at.epoch * trial.length.steps_per_epoch + at.step);
  };
  const double fade = std::exp(-seconds / kMemorySeconds);
  trial.seconds = trial.seconds * fade + seconds;
  trial.samples = trial.samples * fade + static_cast<double>(point.samples);
  // A trial that goes on from a checkpoint jumps to its place: that is no speed.
  const double steps = trial.seen ? std::max(done(point) - done(trial.point), 0.0) : 1;
  trial.steps = trial.steps * fade + steps;
  trial.seen = true;
  trial.last_time = now;
  trial.point = point;
}

// No speed of training: only the time left counts what the end of an epoch takes.
void Progress::evaluated(Trial& trial, const ProgressPoint& point) {
  const double now = clock_();
  trial.evaluation_seconds += now - trial.last_time;
  ++trial.evaluations;
  trial.epochs_ended = point.epoch + 1;
  trial.seen = true;
  trial.last_time = now;
  trial.point = point;
}

std::string Progress::line(const std::string& name, const Trial& trial) const {
  const ProgressPoint& at = trial.point;
  const auto& length = trial.length;
  const auto steps =
      static_cast<double>((length.epochs - at.epoch) * length.steps_per_epoch - at.step);
  const auto mean = [](double sum, double count) { return count > 0 ? sum / count : 0; };
  const double unknown = std::numeric_limits<double>::infinity();
  const double per_step = trial.steps > 0 ? trial.seconds / trial.steps : unknown;
  const double training = steps > 0 ? steps * per_step : 0;
  const auto evaluations =
      static_cast<double>(length.epochs - std::max(at.epoch, trial.epochs_ended));
  const double evaluating =
      evaluations * mean(trial.evaluation_seconds, static_cast<double>(trial.evaluations));
  const double speed = mean(trial.samples, trial.seconds);
  return fmt::format("{}  epoch {}/{}  step {}/{}  loss {:.4g}  {:.3g} samples/s  {} left", name,
                     std::min(at.epoch + 1, length.epochs), length.epochs, at.step,
                     length.steps_per_epoch, at.loss, speed, duration_text(training + evaluating));
}

std::string Progress::erased() const {
  if (lines_drawn_ == 0) return {};
  return fmt::format("\x1b[{}A\r\x1b[J", lines_drawn_);
}

std::string Progress::drawn() {
  std::string text;
  if (options_.style == ProgressStyle::kPlain) return text;
  for (const auto& [name, trial] : trials_)
    text +=
        cut_to(trial.seen ? line(name, trial) : name + "  starting", options_.columns - 1) + "\n";
  lines_drawn_ = trials_.size();
  return text;
}

void Progress::print(std::string_view text) {
  const std::string erase = erased();
  std::string whole = fmt::format("{}{}\n", erase, text);
  write_(whole += drawn());
}

void Progress::update(const std::string& name, const ProgressPoint& point) {
  const std::lock_guard lock(mutex_);
  Trial& moved = trial(name);
  advance(moved, point);
  const double now = clock_();
  if (options_.style == ProgressStyle::kPlain) {
    if (now - moved.last_print < options_.plain_interval_seconds) return;
    moved.last_print = now;
    print(line(name, moved));
  } else if (now - last_redraw_ >= options_.redraw_interval_seconds) {
    last_redraw_ = now;
    const std::string erase = erased();
    write_(erase + drawn());
  }
}

void Progress::end_epoch(const std::string& name, const ProgressPoint& point,
                         std::string_view remark) {
  const std::lock_guard lock(mutex_);
  Trial& moved = trial(name);
  evaluated(moved, point);
  moved.last_print = clock_();
  print(fmt::format("{}{}{}", line(name, moved), remark.empty() ? "" : "  ", remark));
}

void Progress::finish(const std::string& name, std::string_view remark) {
  const std::lock_guard lock(mutex_);
  trials_.erase(name);
  print(fmt::format("{}  {}", name, remark));
}

void Progress::log(std::string_view line) {
  const std::lock_guard lock(mutex_);
  print(line);
}

ProgressOptions progress_options_for(int descriptor) {
  ProgressOptions options;
  const char* terminal = std::getenv("TERM");
  if (isatty(descriptor) == 0 || terminal == nullptr || *terminal == '\0' ||
      std::string_view(terminal) == "dumb")
    return options;
  options.style = ProgressStyle::kRedraw;
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.columns = size.ws_col;
  return options;
}

Progress::Write write_to(int descriptor) {
  return [descriptor](std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = write(descriptor, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return;  // a closed pipe must not end a training
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  };
}

Progress::Clock steady_clock() {
  return [] {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
  };
}

}  // namespace medsweep::runner
