#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace medsweep::datasets {

/// `total` things shared out in proportion to positive weights, in whole numbers: rounded down,
/// the rest one each to the largest remainders (Hamilton's method; the earlier one on a tie).
std::vector<std::int64_t> apportion(std::int64_t total, std::span<const double> weights);

}  // namespace medsweep::datasets
