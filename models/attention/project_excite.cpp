#include "models/attention/project_excite.h"

#include <algorithm>

#include "models/attention/feature_maps.h"

namespace medsweep::models {
namespace {

// The mean over all positions with one coordinate on `axis`: [N, C, L] for each axis.
std::vector<torch::Tensor> means_by_axis(const torch::Tensor& features) {
  const auto type = arithmetic_type(features);
  std::vector<std::int64_t> but_last = spatial_axes(features);
  but_last.pop_back();
  const torch::Tensor rows = features.mean({-1}, false, type);  // [N, C, D, H] or [N, C, H]
  const torch::Tensor last = features.mean(but_last, false, type);
  if (but_last.size() == 1) return {rows, last};
  return {rows.mean(3), rows.mean(2), last};
}

}  // namespace

ProjectExcite::ProjectExcite(const AttentionOptions& options) : options_(options) {
  const std::int64_t inner = std::max<std::int64_t>(1, options.channels / options.reduction);
  squeeze_ = make_map_convolution({options.dimensions, options.channels, inner});
  excite_ = make_map_convolution({options.dimensions, inner, options.channels});
  register_module("squeeze", squeeze_.ptr());
  register_module("excite", excite_.ptr());
  if (options.projection == ProjectionFlavor::kMeanPrelu)
    prelu_ =
        register_module("prelu", torch::nn::PReLU(torch::nn::PReLUOptions().num_parameters(inner)));
}

torch::Tensor ProjectExcite::squeezed(const torch::Tensor& features) {
  const auto parameters = squeeze_.ptr()->named_parameters();
  const auto means = means_by_axis(features);
  torch::Tensor weight = parameters["weight"].flatten(1);  // [C / r, C]
  if (options_.projection == ProjectionFlavor::kMeanPrelu)
    weight = weight / static_cast<double>(means.size());
  torch::Tensor sum = parameters["bias"];
  for (std::size_t axis = 0; axis < means.size(); ++axis) {
    const torch::Tensor part = torch::linear(means[axis].transpose(1, 2), weight);  // [N, L, C / r]
    std::vector<std::int64_t> shape(means.size() + 2, 1);
    shape.front() = part.size(0);
    shape[axis + 1] = part.size(1);
    shape.back() = part.size(2);
    sum = sum + part.view(shape);
  }
  return sum.movedim(-1, 1).contiguous(features.suggest_memory_format());
}

torch::Tensor ProjectExcite::forward(const torch::Tensor& features) {
  check_features("project_excite", features, options_);
  const torch::Tensor inner = squeezed(features);
  const torch::Tensor active = prelu_.is_empty() ? torch::relu(inner) : prelu_->forward(inner);
  return features * torch::sigmoid(excite_.forward(active)).to(features.scalar_type());
}

}  // namespace medsweep::models
