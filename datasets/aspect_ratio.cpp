#include "datasets/aspect_ratio.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace medsweep::datasets {

std::vector<std::int64_t> aspect_ratio_groups(const std::vector<Extent>& extents,
                                              std::int64_t steps) {
  if (steps < 1)
    throw std::invalid_argument(
        fmt::format("[aspect_ratio] {} steps; at least 1 is allowed", steps));
  std::vector<double> cuts;
  for (std::int64_t i = -steps; i <= steps; ++i)
    cuts.push_back(std::exp2(static_cast<double>(i) / static_cast<double>(steps)));
  std::vector<std::int64_t> groups;
  for (const Extent& extent : extents) {
    if (extent.height < 1 || extent.width < 1)
      throw std::invalid_argument(fmt::format(
          "[aspect_ratio] an image of {} x {}; pixels are needed", extent.height, extent.width));
    const double ratio = static_cast<double>(extent.width) / static_cast<double>(extent.height);
    groups.push_back(std::ranges::upper_bound(cuts, ratio) - cuts.begin());
  }
  return groups;
}

}  // namespace medsweep::datasets
