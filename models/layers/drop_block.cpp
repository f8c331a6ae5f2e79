#include "models/layers/drop_block.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/autograd.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/random.h"

namespace medsweep::models {
namespace {

/// The blocks of a batch: of all samples behind each other where they begin, as
/// (channel * H + y) * W + x.
struct Blocks {
  torch::Tensor corners;  // [K] int64
  torch::Tensor ends;     // [N] int64: of each sample's corners
  torch::Tensor scales;   // [N] float32: what the features that stay are multiplied by
};

struct MapShape {
  std::int64_t channels, height, width;
};

// Jumps from one success of independent trials to the next, in place of trying each position.
std::vector<std::int64_t> draw_corners(RandomStream random, const MapShape& map, std::int64_t size,
                                       double probability) {
  const std::int64_t rows = map.height - size + 1, columns = map.width - size + 1;
  const double log_miss = std::log1p(-std::min(probability, 1 - 1e-9));
  std::vector<std::int64_t> corners;
  double position = -1;
  while (true) {
    position += 1 + std::floor(std::log(1 - random.uniform()) / log_miss);
    if (position >= static_cast<double>(map.channels * rows * columns)) return corners;
    const auto at = static_cast<std::int64_t>(position);
    const std::int64_t channel = at / (rows * columns), y = at / columns % rows, x = at % columns;
    corners.push_back((channel * map.height + y) * map.width + x);
  }
}

// How many features lie under at least one block; corners are sorted by channel.
std::int64_t count_covered(const std::vector<std::int64_t>& corners, const MapShape& map,
                           std::int64_t size) {
  const std::int64_t area = map.height * map.width;
  std::vector<std::int64_t> seen(static_cast<std::size_t>(area), -1);  // last channel that covered
  std::int64_t covered = 0;
  for (const std::int64_t corner : corners) {
    const std::int64_t channel = corner / area;
    for (std::int64_t y = 0; y < size; ++y)
      for (std::int64_t x = 0; x < size; ++x) {
        auto& last = seen[static_cast<std::size_t>(corner % area + y * map.width + x)];
        covered += last != channel;
        last = channel;
      }
  }
  return covered;
}

template <typename Number>
void clear_blocks(torch::Tensor sample, c10::ArrayRef<std::int64_t> corners, std::int64_t size) {
  const std::int64_t height = sample.size(1), width = sample.size(2);
  const std::int64_t down = sample.stride(1), across = sample.stride(2);
  auto* const data = sample.mutable_data_ptr<Number>();
  for (const std::int64_t corner : corners) {
    Number* const first = data + corner / (height * width) * sample.stride(0) +
                          corner / width % height * down + corner % width * across;
    for (std::int64_t y = 0; y < size; ++y)
      for (std::int64_t x = 0; x < size; ++x) first[y * down + x * across] = 0;
  }
}

torch::Tensor without_blocks(const torch::Tensor& features, const Blocks& blocks,
                             std::int64_t size) {
  torch::Tensor kept = features * blocks.scales.to(features.scalar_type()).view({-1, 1, 1, 1});
  const auto* const corners = blocks.corners.const_data_ptr<std::int64_t>();
  const auto* const ends = blocks.ends.const_data_ptr<std::int64_t>();
  at::parallel_for(0, kept.size(0), 1, [&](std::int64_t first, std::int64_t last) {
    const torch::NoGradGuard no_grad;
    for (std::int64_t i = first; i < last; ++i) {
      const c10::ArrayRef<std::int64_t> own(corners + (i > 0 ? ends[i - 1] : 0), corners + ends[i]);
      if (kept.scalar_type() == torch::kBFloat16)
        clear_blocks<c10::BFloat16>(kept.select(0, i), own, size);
      else
        clear_blocks<float>(kept.select(0, i), own, size);
    }
  });
  return kept;
}

struct DropBlocks : torch::autograd::Function<DropBlocks> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& features, const Blocks& blocks,
                               std::int64_t size) {
    context->save_for_backward({blocks.corners, blocks.ends, blocks.scales});
    context->saved_data["size"] = size;
    return without_blocks(features, blocks, size);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Blocks blocks{saved[0], saved[1], saved[2]};
    return {without_blocks(gradients[0], blocks, context->saved_data["size"].toInt()), {}, {}};
  }
};

}  // namespace

DropBlockImpl::DropBlockImpl(const DropBlockOptions& options) : options_(options) {
  if (!(options.keep > 0 && options.keep <= 1) || options.size < 1)
    throw std::invalid_argument(
        fmt::format("[drop_block] keep {}, size {}; keep in (0, 1] and a size of at least 1 are "
                    "allowed",
                    options.keep, options.size));
}

torch::Tensor DropBlockImpl::forward(const torch::Tensor& features) {
  if (!is_training() || options_.keep == 1) return features;
  const std::vector<std::uint64_t>& keys = keys_of(features.size(0));
  const MapShape map{features.size(1), features.size(2), features.size(3)};
  const std::int64_t size = options_.size;
  if (map.height < size || map.width < size)
    throw std::invalid_argument(
        fmt::format("[drop_block] features of {} x {}, blocks of {}; maps of at least a block are "
                    "allowed",
                    map.height, map.width, size));
  const double probability = (1 - options_.keep) / static_cast<double>(size * size) *
                             static_cast<double>(map.height * map.width) /
                             static_cast<double>((map.height - size + 1) * (map.width - size + 1));
  std::vector<std::int64_t> corners, ends;
  std::vector<float> scales;
  const auto features_of_a_sample = static_cast<double>(map.channels * map.height * map.width);
  for (const std::uint64_t key : keys) {
    const RandomStream random{key, static_cast<std::uint64_t>(RandomUse::kLayer), layer()};
    const auto own = draw_corners(random, map, size, probability);
    const auto kept = features_of_a_sample - static_cast<double>(count_covered(own, map, size));
    scales.push_back(kept > 0 ? static_cast<float>(features_of_a_sample / kept) : 0.0F);
    corners.insert(corners.end(), own.begin(), own.end());
    ends.push_back(std::ssize(corners));
  }
  const Blocks blocks{torch::tensor(corners, torch::kLong), torch::tensor(ends, torch::kLong),
                      torch::tensor(scales)};
  return DropBlocks::apply(features, blocks, size);
}

}  // namespace medsweep::models
