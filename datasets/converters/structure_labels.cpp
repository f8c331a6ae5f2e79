#include "datasets/converters/structure_labels.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <cstdint>
#include <stdexcept>

#include "datasets/augmentation/boxes.h"

namespace medsweep::datasets {

void set_structures(RawSample& sample, const std::vector<torch::Tensor>& masks) {
  const std::int64_t height = sample.image.size(1), width = sample.image.size(2);
  sample.labels = torch::zeros({height, width}, torch::kUInt8);
  std::vector<torch::Tensor> present;
  std::vector<std::uint8_t> labels;
  for (std::size_t i = 0; i < masks.size(); ++i) {
    if (!masks[i].any().item<bool>()) continue;
    sample.labels.masked_fill_(masks[i].to(torch::kBool), static_cast<std::int64_t>(i + 1));
    present.push_back(masks[i]);
    labels.push_back(static_cast<std::uint8_t>(i + 1));
  }
  Instances& instances = sample.instances;
  instances.masks =
      present.empty() ? torch::zeros({0, height, width}, torch::kUInt8) : torch::stack(present);
  instances.boxes = bounds_of(instances.masks);
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
