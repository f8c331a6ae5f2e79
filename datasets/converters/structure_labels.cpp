#include "datasets/converters/structure_labels.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <cstdint>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

/// x1, y1, x2, y2 around what is inside.
torch::Tensor structure_box(const torch::Tensor& mask) {
  const torch::Tensor rows = mask.any(1).nonzero(), columns = mask.any(0).nonzero();  // [n, 1]
  return torch::stack({columns[0][0], rows[0][0], columns[-1][0] + 1, rows[-1][0] + 1})
      .to(torch::kFloat32);
}

}  // namespace

void set_structures(RawSample& sample, const std::vector<torch::Tensor>& masks) {
  const std::int64_t height = sample.image.size(1), width = sample.image.size(2);
  sample.labels = torch::zeros({height, width}, torch::kUInt8);
  std::vector<torch::Tensor> present, boxes;
  std::vector<std::uint8_t> labels;
  for (std::size_t i = 0; i < masks.size(); ++i) {
    if (!masks[i].any().item<bool>()) continue;
    sample.labels.masked_fill_(masks[i].to(torch::kBool), static_cast<std::int64_t>(i + 1));
    boxes.push_back(structure_box(masks[i]));
    present.push_back(masks[i]);
    labels.push_back(static_cast<std::uint8_t>(i + 1));
  }
  Instances& instances = sample.instances;
  instances.boxes = boxes.empty() ? torch::zeros({0, 4}) : torch::stack(boxes);
  instances.masks =
      present.empty() ? torch::zeros({0, height, width}, torch::kUInt8) : torch::stack(present);
  instances.labels = torch::tensor(labels, torch::kUInt8);
  instances.ignore = torch::zeros_like(instances.labels);
}

double mask_centre(const torch::Tensor& mask, const std::string& where) {
  const torch::Tensor columns = mask.sum(0, /*keepdim=*/false, torch::kFloat64);
  const double area = columns.sum().item<double>();
  if (area == 0)
    throw std::invalid_argument(fmt::format("[{}] an empty mask; something must be drawn", where));
  return columns.dot(torch::arange(mask.size(1), torch::kFloat64)).item<double>() / area;
}

}  // namespace medsweep::datasets
