#include "models/layers/dropout.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "base/random.h"

namespace medsweep::models {
namespace {

// Numbers of a sample by their position, four at a time, so that threads can draw them.
void draw_factors(float* factors, std::int64_t count, RandomStream random, double probability) {
  const std::array<std::uint32_t, 2> key{random.bits(), random.bits()},
      high{random.bits(), random.bits()};
  const auto limit = static_cast<std::uint32_t>(std::ldexp(probability, 32));
  const auto kept = static_cast<float>(1 / (1 - probability));
  at::parallel_for(0, (count + 3) / 4, 1 << 14, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t block = first; block < last; ++block) {
      const auto position = static_cast<std::uint64_t>(block);
      const auto bits = philox4x32({static_cast<std::uint32_t>(position),
                                    static_cast<std::uint32_t>(position >> 32), high[0], high[1]},
                                   key);
      const std::int64_t left = std::min<std::int64_t>(4, count - 4 * block);
      for (std::int64_t i = 0; i < left; ++i)
        factors[4 * block + i] = bits[static_cast<std::size_t>(i)] < limit ? 0.0F : kept;
    }
  });
}

}  // namespace

DropoutImpl::DropoutImpl(double probability) : probability_(probability) {
  if (!(probability >= 0 && probability < 1))
    throw std::invalid_argument(
        fmt::format("[dropout] probability {}; from 0 to below 1 is allowed", probability));
}

torch::Tensor DropoutImpl::forward(const torch::Tensor& features) {
  if (!is_training() || probability_ == 0) return features;
  const std::vector<std::uint64_t>& keys = keys_of(features.size(0));
  torch::Tensor factors = torch::empty(features.sizes(), torch::kFloat);
  auto* next = factors.mutable_data_ptr<float>();
  for (const std::uint64_t key : keys) {
    const std::int64_t count = features.numel() / features.size(0);
    draw_factors(next, count,
                 RandomStream{key, static_cast<std::uint64_t>(RandomUse::kLayer), layer()},
                 probability_);
    next += count;
  }
  return features * factors.to(features.scalar_type());
}

}  // namespace medsweep::models
