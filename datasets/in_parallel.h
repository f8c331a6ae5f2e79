#pragma once

#include <cstdint>
#include <functional>

namespace medsweep::datasets {

/// Calls `work` for 0, 1, ..., count - 1, in this order of starting, on up to `threads` threads,
/// the caller's among them; 0 is one a core. torch and OpenMP run single-threaded in them. Throws
/// what the lowest failing index threw, after no further one was begun.
void in_parallel(std::int64_t count, std::int64_t threads,
                 const std::function<void(std::int64_t index)>& work);

/// For the calling thread alone, as long as it lives: torch and OpenMP use one thread.
class SingleThread {
 public:
  SingleThread();
  ~SingleThread();
  SingleThread(const SingleThread&) = delete;
  SingleThread& operator=(const SingleThread&) = delete;

 private:
  int threads_;
};

}  // namespace medsweep::datasets
