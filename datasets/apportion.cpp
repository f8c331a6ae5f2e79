#include "datasets/apportion.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace medsweep::datasets {

std::vector<std::int64_t> apportion(std::int64_t total, std::span<const double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::int64_t> counts;
  std::vector<std::pair<double, std::size_t>> shortfalls;  // negative remainders: largest first
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double exact = static_cast<double>(total) * weights[k] / sum;
    counts.push_back(static_cast<std::int64_t>(exact));
    shortfalls.emplace_back(static_cast<double>(counts[k]) - exact, k);
  }
  std::ranges::sort(shortfalls);
  std::int64_t rest = total - std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  for (std::size_t i = 0; rest > 0; ++i, --rest) ++counts[shortfalls[i % counts.size()].second];
  return counts;
}

}  // namespace medsweep::datasets
