#include "models/losses/pixels.h"

#include "datasets/batch.h"

namespace medsweep::models {

std::int64_t count_pixels(const torch::Tensor& labels) {
  return labels.ne(datasets::kIgnored).sum().item<std::int64_t>();
}

torch::Tensor mask_of(const torch::Tensor& labels) {
  if (count_pixels(labels) == labels.numel()) return {};
  return labels.ne(datasets::kIgnored).to(torch::kFloat).unsqueeze(1);
}

torch::Tensor is_one_of(const torch::Tensor& labels, const std::vector<std::int64_t>& wanted) {
  torch::Tensor inside = torch::zeros_like(labels, torch::kBool);
  for (const std::int64_t label : wanted) inside.logical_or_(labels.eq(label));
  return inside;
}

torch::Tensor class_maps(const LossInput& input, const LossTask& task, Background background) {
  const std::int64_t first = background == Background::kIncluded ? 0 : 1;
  std::vector<std::int64_t> shape = input.labels.sizes().vec();
  shape.insert(shape.begin() + 1, task.classes + 1 - first);
  torch::Tensor maps =
      torch::empty(shape, input.logits.options().requires_grad(false).memory_format(
                              input.logits.suggest_memory_format()));
  for (std::int64_t label = first; label <= task.classes; ++label)
    maps.select(1, label - first)
        .copy_(task.regions.empty()
                   ? input.labels.eq(label)
                   : is_one_of(input.labels, task.regions[static_cast<std::size_t>(label - 1)]));
  return maps;
}

std::vector<std::int64_t> pixel_axes(const torch::Tensor& logits) {
  std::vector<std::int64_t> axes;
  for (std::int64_t axis = 2; axis < logits.dim(); ++axis) axes.push_back(axis);
  return axes;
}

}  // namespace medsweep::models
