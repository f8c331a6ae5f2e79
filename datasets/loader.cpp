#include "datasets/loader.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <opencv2/core.hpp>
#include <stdexcept>
#include <thread>

#include "datasets/batch_memory.h"
#include "datasets/in_parallel.h"

namespace medsweep::datasets {
namespace {

// One batch on its way: filled sample by sample, in any order.
struct Slot {
  LoadedBatch loaded;
  std::vector<Draw> draws;
  Extent at_least;
  torch::Tensor images;  // of the batch, where its size is known before; else undefined
  std::vector<Sample> samples;
  std::size_t taken = 0, done = 0;
  std::exception_ptr error;
  bool ready = false;
};
using SlotPointer = std::shared_ptr<Slot>;

void check_loader(const LoaderOptions& options) {
  if (options.threads < 0 || options.prefetch < 1 || options.epochs < 1 || options.multiple < 1)
    throw std::invalid_argument(
        fmt::format("[loader] {} threads, {} batches ahead, {} epochs, a multiple of {}; at least "
                    "0, 1, 1 and 1 are allowed",
                    options.threads, options.prefetch, options.epochs, options.multiple));
  if (options.first_shard < 0 || options.last_shard <= options.first_shard ||
      options.last_shard > options.shards)
    throw std::invalid_argument(
        fmt::format("[loader] shards {} to {} of {}; at least one is needed", options.first_shard,
                    options.last_shard, options.shards));
}

}  // namespace

struct Loader::State {
  State(Sampler given, Fetch fetch_sample, const LoaderOptions& given_options, ExtentOf extent)
      : sampler(std::move(given)),
        fetch(std::move(fetch_sample)),
        extent_of(std::move(extent)),
        options(given_options) {}

  std::int64_t end() const { return sampler.steps() * options.epochs; }
  SlotPointer make_slot(std::int64_t position);
  std::vector<std::int64_t> batch_shape(const Slot& slot) const;
  void fill(Slot& slot, std::size_t index);
  void finish(Slot& slot);
  void work();
  bool take(SlotPointer& slot, std::size_t& index);

  const Sampler sampler;
  const Fetch fetch;
  const ExtentOf extent_of;
  const LoaderOptions options;
  BatchMemory memory;
  // The order of the epoch that was asked last.
  std::int64_t order_epoch = -1;
  std::vector<Draw> order;

  std::mutex mutex;
  std::condition_variable changed;  // a slot got ready, was consumed, or all must stop
  std::deque<SlotPointer> slots;    // the next `prefetch` batches, the consumer's first
  std::int64_t position = 0;        // epoch * steps + step of slots.front()
  bool stopping = false;
  double waited = 0;
  std::vector<std::thread> threads;
};

/// [N, C, (D,) H, W] of the batch with its padding.
std::vector<std::int64_t> Loader::State::batch_shape(const Slot& slot) const {
  const auto& [height, width, depth] = slot.at_least;
  std::vector<std::int64_t> shape{std::ssize(slot.draws), options.channels};
  if (depth > 1) shape.push_back(round_up(depth, options.multiple));
  shape.insert(shape.end(),
               {round_up(height, options.multiple), round_up(width, options.multiple)});
  return shape;
}

// Under the lock. Cheap but for the first batch of an epoch, which draws the order.
SlotPointer Loader::State::make_slot(std::int64_t at) {
  const std::int64_t epoch = at / sampler.steps(), step = at % sampler.steps();
  if (epoch != order_epoch) {
    order = sampler.epoch_order(epoch);
    order_epoch = epoch;
  }
  const auto slot = std::make_shared<Slot>();
  const auto [begin, end] = sampler.global_batch(step);
  const auto begin_mine = sampler.shard(step, options.first_shard, options.shards).first;
  const auto end_mine = sampler.shard(step, options.last_shard - 1, options.shards).second;
  for (std::int64_t i = begin_mine; i < end_mine; ++i)
    slot->draws.push_back(order[static_cast<std::size_t>(i)]);
  slot->samples.resize(slot->draws.size());
  slot->loaded = {epoch, step, {}, {}, end - begin};
  for (std::int64_t k = options.first_shard; k < options.last_shard; ++k) {
    const auto [first, last] = sampler.shard(step, k, options.shards);
    slot->loaded.shards.emplace_back(first - begin_mine, last - begin_mine);
  }
  try {
    for (std::int64_t i = begin; extent_of && i < end; ++i) {
      const Extent extent = extent_of(order[static_cast<std::size_t>(i)]);
      slot->at_least = {std::max(slot->at_least.height, extent.height),
                        std::max(slot->at_least.width, extent.width),
                        std::max(slot->at_least.depth, extent.depth)};
    }
    if (extent_of && !slot->draws.empty()) slot->images = memory.take(batch_shape(*slot));
  } catch (...) {
    slot->error = std::current_exception();
    slot->draws.clear();
  }
  return slot;
}

void Loader::State::fill(Slot& slot, std::size_t index) {
  const Draw& draw = slot.draws[index];
  torch::Tensor image;
  if (slot.images.defined()) {
    if (extent_of(draw) == image_extent(slot.images[0]))
      image = slot.images[static_cast<std::int64_t>(index)];
  }
  slot.samples[index] = fetch(slot.loaded.epoch, draw, image);
}

void Loader::State::finish(Slot& slot) {
  slot.loaded.batch =
      collate(slot.samples, options.multiple, options.channels, slot.at_least, slot.images);
  slot.samples.clear();
}

// Under the lock: the first sample that nobody works on, of the batches that may be prepared.
bool Loader::State::take(SlotPointer& slot, std::size_t& index) {
  for (std::size_t i = 0;; ++i) {
    if (i == slots.size()) {
      const std::int64_t at = position + static_cast<std::int64_t>(i);
      if (std::ssize(slots) >= options.prefetch || at >= end()) return false;
      slots.push_back(make_slot(at));
    }
    slot = slots[i];
    if (slot->taken < std::max<std::size_t>(slot->draws.size(), 1)) {
      index = slot->taken++;
      return true;
    }
  }
}

void Loader::State::work() {
  const SingleThread single;
  const c10::NoGradGuard no_grad;
  std::unique_lock lock(mutex);
  while (true) {
    SlotPointer slot;
    std::size_t index = 0;
    changed.wait(lock, [&] { return stopping || take(slot, index); });
    if (stopping) return;
    lock.unlock();
    std::exception_ptr error;
    try {
      if (!slot->draws.empty()) fill(*slot, index);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && !slot->error) slot->error = error;
    if (++slot->done < slot->draws.size()) continue;
    lock.unlock();
    try {
      if (!slot->error) finish(*slot);
    } catch (...) {
      slot->error = std::current_exception();
    }
    lock.lock();
    slot->ready = true;
    changed.notify_all();
  }
}

Loader::Loader(Sampler sampler, Fetch fetch, const LoaderOptions& options, ExtentOf extent) {
  check_loader(options);
  sampler.check_shards(options.shards);
  cv::setNumThreads(1);
  state_ =
      std::make_unique<State>(std::move(sampler), std::move(fetch), options, std::move(extent));
}

Loader::~Loader() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

void Loader::seek(std::int64_t epoch, std::int64_t step) {
  if (epoch < 0 || step < 0 || step >= state_->sampler.steps())
    throw std::out_of_range(fmt::format("[loader] epoch {}, step {}; steps 0 to {} are known",
                                        epoch, step, state_->sampler.steps() - 1));
  const std::scoped_lock lock(state_->mutex);
  const std::int64_t wanted = epoch * state_->sampler.steps() + step;
  if (wanted == state_->position) return;
  state_->slots.clear();
  state_->position = wanted;
  state_->changed.notify_all();
}

std::optional<LoadedBatch> Loader::next() {
  State& state = *state_;
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(state.mutex);
  if (state.position >= state.end()) return std::nullopt;
  SlotPointer slot;
  if (state.options.threads == 0) {
    slot = state.make_slot(state.position++);
    const SingleThread single;
    const c10::NoGradGuard no_grad;
    for (std::size_t i = 0; i < slot->draws.size(); ++i) state.fill(*slot, i);
    if (!slot->error) state.finish(*slot);
  } else {
    while (std::ssize(state.threads) < state.options.threads)
      state.threads.emplace_back([&state] { state.work(); });
    state.changed.wait(lock, [&] { return !state.slots.empty() && state.slots.front()->ready; });
    slot = state.slots.front();
    state.slots.pop_front();
    ++state.position;
    state.changed.notify_all();
  }
  state.waited += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (slot->error) std::rethrow_exception(slot->error);
  return std::move(slot->loaded);
}

double Loader::waited_seconds() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->waited;
}

}  // namespace medsweep::datasets
