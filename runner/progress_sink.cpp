#include "runner/progress_sink.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <memory>
#include <string_view>

namespace medsweep::runner {
namespace {

/// Progress locks for itself; base_sink's own lock guards the formatter.
class ProgressSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit ProgressSink(Progress& progress) : progress_(progress) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t buffer;
    formatter_->format(message, buffer);
    std::string_view line(buffer.data(), buffer.size());
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    progress_.log(line);
  }
  void flush_() override {}

 private:
  Progress& progress_;
};

}  // namespace

spdlog::sink_ptr log_sink(Progress& progress) { return std::make_shared<ProgressSink>(progress); }

}  // namespace medsweep::runner
