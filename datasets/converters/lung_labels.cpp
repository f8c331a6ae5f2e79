#include "datasets/converters/lung_labels.h"

#include <torch/torch.h>

namespace medsweep::datasets {
namespace {

/// x1, y1, x2, y2 around what is inside.
torch::Tensor box_around(const torch::Tensor& mask) {
  const torch::Tensor rows = mask.any(1).nonzero(), columns = mask.any(0).nonzero();  // [n, 1]
  return torch::stack({columns[0][0], rows[0][0], columns[-1][0] + 1, rows[-1][0] + 1})
      .to(torch::kFloat32);
}

}  // namespace

std::vector<std::string> lung_classes() { return {"left_lung", "right_lung"}; }

void set_lungs(RawSample& sample, const LungSplit& lungs) {
  std::vector<torch::Tensor> masks, boxes;
  std::vector<std::uint8_t> labels;
  sample.labels = torch::zeros(lungs.left.sizes(), torch::kUInt8);
  std::uint8_t label = 0;
  for (const torch::Tensor& lung : {lungs.left, lungs.right}) {
    ++label;
    if (!lung.any().item<bool>()) continue;
    sample.labels.masked_fill_(lung.to(torch::kBool), static_cast<std::int64_t>(label));
    boxes.push_back(box_around(lung));
    masks.push_back(lung);
    labels.push_back(label);
  }
  const std::int64_t height = lungs.left.size(0), width = lungs.left.size(1);
  Instances& instances = sample.instances;
  instances.boxes = boxes.empty() ? torch::zeros({0, 4}) : torch::stack(boxes);
  instances.masks =
      masks.empty() ? torch::zeros({0, height, width}, torch::kUInt8) : torch::stack(masks);
  instances.labels = torch::tensor(labels, torch::kUInt8);
  instances.ignore = torch::zeros_like(instances.labels);
}

}  // namespace medsweep::datasets
