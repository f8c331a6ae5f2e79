#include "datasets/in_parallel.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <omp.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace medsweep::datasets {

// An ICV of OpenMP; at::set_num_threads would also reach MKL's setting of the whole process. torch
// sets the ICV when a thread first asks, so it asks first.
SingleThread::SingleThread() : threads_(at::get_num_threads()) { omp_set_num_threads(1); }
SingleThread::~SingleThread() { omp_set_num_threads(threads_); }

void in_parallel(std::int64_t count, std::int64_t threads,
                 const std::function<void(std::int64_t index)>& work) {
  std::mutex mutex;
  std::int64_t next = 0, failed = count;
  std::exception_ptr error;
  const auto run = [&] {
    const SingleThread single;
    const c10::NoGradGuard no_grad;
    while (true) {
      std::int64_t index = 0;
      {
        const std::scoped_lock lock(mutex);
        if (error || next >= count) return;
        index = next++;
      }
      try {
        work(index);
      } catch (...) {
        const std::scoped_lock lock(mutex);
        if (index > failed) continue;
        failed = index;
        error = std::current_exception();
      }
    }
  };
  if (threads < 1) threads = std::max<std::int64_t>(1, std::thread::hardware_concurrency());
  std::vector<std::thread> others;
  for (std::int64_t i = 1; i < std::min(threads, count); ++i) others.emplace_back(run);
  run();
  for (std::thread& thread : others) thread.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace medsweep::datasets
