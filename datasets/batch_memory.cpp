#include "datasets/batch_memory.h"

#include <ATen/Context.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/CPUAllocator.h>

#include <map>
#include <mutex>
#include <numeric>
#include <vector>

namespace medsweep::datasets {
namespace {

constexpr std::size_t kKept = 8;  // pieces of one size

c10::DataPtr allocate(std::size_t bytes) {
  if (at::globalContext().hasCUDA())
    return at::detail::getCUDAHooks().getPinnedMemoryAllocator()->allocate(bytes);
  return c10::GetCPUAllocator()->allocate(bytes);
}

}  // namespace

struct BatchMemory::Pool {
  std::mutex mutex;
  std::map<std::size_t, std::vector<c10::DataPtr>> free;  // by bytes
};

BatchMemory::BatchMemory() : pool_(std::make_shared<Pool>()) {}

torch::Tensor BatchMemory::take(torch::IntArrayRef sizes) {
  const auto count = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1},
                                     [](std::int64_t a, std::int64_t b) { return a * b; });
  const auto bytes = static_cast<std::size_t>(count) * sizeof(float);
  auto piece = std::make_shared<c10::DataPtr>();
  {
    const std::scoped_lock lock(pool_->mutex);
    auto& free = pool_->free[bytes];
    if (!free.empty()) {
      *piece = std::move(free.back());
      free.pop_back();
    }
  }
  if (!*piece) *piece = allocate(bytes);
  void* const memory = piece->get();
  const auto give_back = [pool = pool_, piece, bytes](void*) {
    const std::scoped_lock lock(pool->mutex);
    auto& free = pool->free[bytes];
    if (free.size() < kKept) free.push_back(std::move(*piece));
  };
  return at::from_blob(memory, sizes, give_back, torch::kFloat32);
}

}  // namespace medsweep::datasets
