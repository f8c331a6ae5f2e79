#include "models/mask_rcnn/anchors.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <stdexcept>

namespace medsweep::models {
namespace {

void check_anchors(const AnchorOptions& options, std::size_t levels) {
  if (options.sizes.size() != levels)
    throw std::invalid_argument(fmt::format(
        "[anchors] {} sizes for {} levels of the pyramid; one for each level is allowed",
        options.sizes.size(), levels));
  if (options.ratios.empty())
    throw std::invalid_argument("[anchors] no ratio; at least one is allowed");
  for (const auto& sizes : options.sizes) {
    if (sizes.empty() || sizes.size() != options.sizes.front().size())
      throw std::invalid_argument(
          fmt::format("[anchors] a level of {} sizes beside one of {}; the same number on each "
                      "level is allowed",
                      sizes.size(), options.sizes.front().size()));
    for (const double size : sizes)
      if (!(size > 0))
        throw std::invalid_argument(fmt::format("[anchors] size {}; above 0 is allowed", size));
  }
  for (const double ratio : options.ratios)
    if (!(ratio > 0))
      throw std::invalid_argument(fmt::format("[anchors] ratio {}; above 0 is allowed", ratio));
}

torch::Tensor anchor_cell(const AnchorOptions& options, const std::vector<double>& sizes) {
  const torch::Tensor scale = torch::tensor(sizes, torch::kFloat);
  const torch::Tensor root = torch::sqrt(torch::tensor(options.ratios, torch::kFloat));
  const torch::Tensor widths = ((1 / root).unsqueeze(1) * scale).view(-1);
  const torch::Tensor heights = (root.unsqueeze(1) * scale).view(-1);
  const torch::Tensor cell = torch::stack({-widths, -heights, widths, heights}, 1) / 2;
  return options.corners == AnchorCorners::kRounded ? cell.round() : cell;
}

}  // namespace

AnchorGenerator::AnchorGenerator(const AnchorOptions& options, std::size_t levels) {
  check_anchors(options, levels);
  for (const auto& sizes : options.sizes) cells_.push_back(anchor_cell(options, sizes));
}

std::vector<torch::Tensor> AnchorGenerator::grid(const std::vector<datasets::Extent>& maps,
                                                 const datasets::Extent& input) const {
  std::vector<torch::Tensor> anchors;
  for (std::size_t level = 0; level < maps.size(); ++level) {
    const auto& map = maps[level];
    const auto steps = [](std::int64_t count, std::int64_t step) {
      return (torch::arange(count) * step).to(torch::kFloat);
    };
    const auto grids = torch::meshgrid(
        {steps(map.height, input.height / map.height), steps(map.width, input.width / map.width)},
        "ij");
    const torch::Tensor y = grids[0].reshape(-1), x = grids[1].reshape(-1);
    const torch::Tensor centres = torch::stack({x, y, x, y}, 1);
    anchors.push_back((centres.unsqueeze(1) + cells_.at(level).unsqueeze(0)).view({-1, 4}));
  }
  return anchors;
}

}  // namespace medsweep::models
