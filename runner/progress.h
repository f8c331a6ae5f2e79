#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace medsweep::runner {

/// Lines that redraw (a terminal), or plain lines now and then (a file, a pipe).
enum class ProgressStyle { kRedraw, kPlain };

struct ProgressOptions {
  ProgressStyle style = ProgressStyle::kPlain;
  double plain_interval_seconds = 30;  ///< at most one plain line a trial in this time
  double redraw_interval_seconds = 0.1;
  int columns = 80;  ///< a redrawn line is cut to this, so that it never wraps
};

/// How long a trial is. `steps_per_epoch` and `step` may be of evaluation as well.
struct ProgressLength {
  std::int64_t epochs = 1;
  std::int64_t steps_per_epoch = 1;
};

/// Where a trial stands.
struct ProgressPoint {
  std::int64_t epoch = 0;  ///< from 0
  std::int64_t step = 0;   ///< steps of the epoch that are done
  double loss = 0;
  std::int64_t samples = 0;  ///< trained since the last point, over all ranks of the group
};

/// One line for each running trial of this process: name, epoch, step, loss, samples a second,
/// time left. Everything that goes to the screen goes through here, log lines too (log_sink in
/// progress_sink.h), so that nothing is garbled. Any thread may call.
///
/// One writer a process: the leader of a group of ranks owns one, other ranks none. Under mpirun
/// and srun standard output is a pipe, and leaders print plain lines, each whole in one write.
class Progress {
 public:
  using Write = std::function<void(std::string_view)>;
  using Clock = std::function<double()>;  ///< seconds, never going back

  Progress(Write write, const ProgressOptions& options, Clock clock);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// A trial starts, or goes on from a checkpoint: time left is reckoned from the steps seen here.
  void start(const std::string& name, const ProgressLength& length);
  void update(const std::string& name, const ProgressPoint& point);
  /// Always printed in plain style: "r50-s0  epoch 3/40 done  loss 0.41  dice 0.88".
  void end_epoch(const std::string& name, const ProgressPoint& point, std::string_view remark);
  /// The trial's line goes; `remark` ("done", "stopped at step 812") is printed as a line.
  void finish(const std::string& name, std::string_view remark);
  /// A line that stays; above the redrawn ones. Without its line end.
  void log(std::string_view line);

 private:
  struct Trial {
    ProgressLength length;
    ProgressPoint point;
    bool seen = false;  ///< updated since it started
    double last_time = 0, last_print = 0;
    double seconds = 0, steps = 0, samples = 0;  ///< of training, with the past fading away
    double evaluation_seconds = 0;
    std::int64_t evaluations = 0;   ///< ends of epochs seen here, with an evaluation or without
    std::int64_t epochs_ended = 0;  ///< of the whole trial
  };

  Trial& trial(const std::string& name);
  void advance(Trial& trial, const ProgressPoint& point);
  void evaluated(Trial& trial, const ProgressPoint& point);
  std::string line(const std::string& name, const Trial& trial) const;
  std::string erased() const;
  std::string drawn();
  void print(std::string_view text);

  Write write_;
  ProgressOptions options_;
  Clock clock_;
  std::mutex mutex_;
  std::map<std::string, Trial> trials_;
  std::size_t lines_drawn_ = 0;
  double last_redraw_ = 0;
};

/// kRedraw with the terminal's width where `descriptor` is a terminal and TERM is set and not
/// "dumb"; kPlain otherwise.
ProgressOptions progress_options_for(int descriptor);
/// Whole lines to a file descriptor, in one write() each where the system takes it.
Progress::Write write_to(int descriptor);
Progress::Clock steady_clock();

}  // namespace medsweep::runner
