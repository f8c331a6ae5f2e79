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

torch::Tensor class_maps(const torch::Tensor& labels, std::int64_t classes,
                         const torch::Tensor& logits) {
  torch::Tensor maps = torch::empty(
      {labels.size(0), classes, labels.size(1), labels.size(2)},
      logits.options().requires_grad(false).memory_format(logits.suggest_memory_format()));
  for (std::int64_t label = 1; label <= classes; ++label)
    maps.select(1, label - 1).copy_(labels.eq(label));
  return maps;
}

}  // namespace medsweep::models
