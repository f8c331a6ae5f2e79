#include "datasets/patch_axis.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace medsweep::datasets {

std::int64_t patch_start(std::int64_t wanted, std::int64_t image, std::int64_t patch) {
  if (image <= patch) return -((patch - image) / 2);
  return std::clamp<std::int64_t>(wanted, 0, image - patch);
}

std::vector<std::int64_t> tile_starts(std::int64_t image, std::int64_t patch, double overlap) {
  if (image <= patch) return {0};
  const std::int64_t step = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::floor(static_cast<double>(patch) * (1 - overlap) + 1e-9)));
  const std::int64_t last = image - patch, gaps = (last + step - 1) / step;
  std::vector<std::int64_t> starts;
  for (std::int64_t i = 0; i <= gaps; ++i) starts.push_back(last * i / gaps);
  return starts;
}

torch::Tensor bell(std::int64_t side) {
  const torch::Tensor offsets =
      torch::arange(side, torch::kFloat64) - (static_cast<double>(side) - 1) / 2;
  return (-0.5 * (offsets / (static_cast<double>(side) / 8)).square()).exp();
}

}  // namespace medsweep::datasets
