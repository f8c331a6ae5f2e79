#include "datasets/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <stdexcept>

#include "base/random.h"
#include "datasets/apportion.h"
#include "datasets/shuffle.h"

namespace medsweep::datasets {
namespace {

// Sub-streams of kOrder; share k has k + 1, and below it the number of the pass.
constexpr std::uint64_t kWholeEpoch = 0, kFirstGroup = 1;

std::vector<Draw> one_pass(std::int64_t first, std::int64_t count, std::int64_t number) {
  std::vector<Draw> draws;
  for (std::int64_t i = 0; i < count; ++i) draws.push_back({first + i, number});
  return draws;
}

std::vector<std::int64_t> draws_of_shares(const std::vector<Share>& shares, std::int64_t total) {
  std::vector<double> weights;
  for (const Share& share : shares) weights.push_back(share.weight);
  return apportion(total, weights);
}

std::vector<Draw> by_groups(const std::vector<Draw>& order, const SamplerOptions& options,
                            RandomStream stream) {
  std::map<std::int64_t, std::vector<Draw>> waiting;
  std::vector<Draw> batches;
  batches.reserve(order.size());
  for (const Draw& draw : order) {
    auto& group = waiting[options.groups[static_cast<std::size_t>(draw.sample)]];
    group.push_back(draw);
    if (std::ssize(group) < options.batch_size) continue;
    batches.insert(batches.end(), group.begin(), group.end());
    group.clear();
  }
  // kDrop leaves out the last of these: not the same group in every epoch.
  const auto middle = std::next(waiting.begin(), stream.below(std::ssize(waiting)));
  for (auto group = middle; group != waiting.end(); ++group)
    batches.insert(batches.end(), group->second.begin(), group->second.end());
  for (auto group = waiting.begin(); group != middle; ++group)
    batches.insert(batches.end(), group->second.begin(), group->second.end());
  return batches;
}

}  // namespace

std::pair<std::int64_t, std::int64_t> part_of(std::int64_t count, std::int64_t part,
                                              std::int64_t parts) {
  const std::int64_t size = count / parts, larger = count % parts;
  const std::int64_t first = part * size + std::min(part, larger);
  return {first, first + size + (part < larger ? 1 : 0)};
}

Sampler::Sampler(std::int64_t samples, const SamplerOptions& options)
    : Sampler(std::vector<Share>{{samples, 1.0}}, options) {}

Sampler::Sampler(std::vector<Share> shares, const SamplerOptions& options)
    : shares_(std::move(shares)), options_(options) {
  for (const Share& share : shares_) {
    if (share.samples < 1)
      throw std::invalid_argument("[sampler] a data set without samples; at least 1 is needed");
    if (!(share.weight > 0))
      throw std::invalid_argument(
          fmt::format("[sampler] weight {}; more than 0 is allowed", share.weight));
    samples_ += share.samples;
  }
  if (samples_ < 1)
    throw std::invalid_argument("[sampler] no samples to train on; at least 1 is needed");
  if (options_.batch_size < 1 || options_.draws_per_sample < 1)
    throw std::invalid_argument(
        fmt::format("[sampler] batch_size {} and {} patches per image; at least 1 is allowed",
                    options_.batch_size, options_.draws_per_sample));
  if (!options_.groups.empty() && std::ssize(options_.groups) != samples_)
    throw std::invalid_argument(
        fmt::format("[sampler] {} groups for {} samples; one for each, or none, are allowed",
                    options_.groups.size(), samples_));
  draws_ = samples_ * options_.draws_per_sample;
  steps_ = options_.last_batch == LastBatch::kDrop
               ? draws_ / options_.batch_size
               : (draws_ + options_.batch_size - 1) / options_.batch_size;
  if (steps_ == 0)
    throw std::invalid_argument(fmt::format(
        "[sampler] {} samples an epoch are fewer than one batch of {}, and last_batch = \"drop\"; "
        "a batch_size of at most {} or last_batch = \"keep\" is allowed",
        draws_, options_.batch_size, draws_));
}

std::vector<Draw> Sampler::epoch_order(std::int64_t epoch) const {
  const auto key = static_cast<std::uint64_t>(epoch);
  const auto use = static_cast<std::uint64_t>(RandomUse::kOrder);
  const auto counts = draws_of_shares(shares_, draws_);
  std::vector<Draw> order;
  order.reserve(static_cast<std::size_t>(draws_));
  std::int64_t first = 0;
  for (std::size_t k = 0; k < shares_.size(); first += shares_[k].samples, ++k) {
    std::int64_t wanted = counts[k];
    for (std::int64_t number = 0; wanted > 0; ++number) {
      std::vector<Draw> pass = one_pass(first, shares_[k].samples, number);
      if (options_.order == SampleOrder::kShuffled)
        shuffle(pass,
                RandomStream({options_.seed, use, key, k + 1, static_cast<std::uint64_t>(number)}));
      if (std::ssize(pass) > wanted) pass.resize(static_cast<std::size_t>(wanted));
      wanted -= std::ssize(pass);
      order.insert(order.end(), pass.begin(), pass.end());
    }
  }
  if (options_.order == SampleOrder::kShuffled)
    shuffle(order, RandomStream({options_.seed, use, key, kWholeEpoch}));
  if (!options_.groups.empty())
    return by_groups(order, options_,
                     RandomStream({options_.seed, use, key, kWholeEpoch, kFirstGroup}));
  return order;
}

std::pair<std::int64_t, std::int64_t> Sampler::global_batch(std::int64_t step) const {
  if (step < 0 || step >= steps_)
    throw std::out_of_range(fmt::format("[sampler] step {}; 0 to {} are known", step, steps_ - 1));
  return {step * options_.batch_size, std::min(draws_, (step + 1) * options_.batch_size)};
}

std::pair<std::int64_t, std::int64_t> Sampler::shard(std::int64_t step, std::int64_t shard,
                                                     std::int64_t shards) const {
  const auto [first, last] = global_batch(step);
  const auto [begin, end] = part_of(last - first, shard, shards);
  return {first + begin, first + end};
}

void Sampler::check_shards(std::int64_t shards) const {
  if (shards < 1)
    throw std::invalid_argument(fmt::format("[sampler] {} shards; at least 1 is allowed", shards));
  if (options_.empty_shard == EmptyShard::kAllow) return;
  const auto [first, last] = global_batch(steps_ - 1);
  const std::int64_t full = std::min(options_.batch_size, draws_);
  if (full < shards)
    throw std::invalid_argument(fmt::format(
        "[sampler] a global batch of {} leaves some of {} ranks without a sample; a batch_size of "
        "at least {} is allowed",
        full, shards, shards));
  if (last - first < shards)
    throw std::invalid_argument(fmt::format(
        "[sampler] the last batch of {} leaves some of {} ranks without a sample; last_batch = "
        "\"drop\" or a batch_size whose remainder of {} is at least {} is allowed",
        last - first, shards, draws_, shards));
}

}  // namespace medsweep::datasets
