#include "models/backbones/backbone_layers.h"

#include "models/layers/normalization.h"

namespace medsweep::models {

torch::nn::AnyModule backbone_normalization(std::int64_t channels, const BackboneOptions& options) {
  NormalizationOptions normalization{channels, options.batch_statistics};
  normalization.eps = options.eps;
  normalization.momentum = options.momentum;
  return make_normalization(options.normalization, normalization);
}

torch::nn::Conv2dOptions backbone_kernel(std::int64_t in, std::int64_t out, std::int64_t size,
                                         std::int64_t stride) {
  return torch::nn::Conv2dOptions(in, out, size).stride(stride).padding(size / 2).bias(false);
}

}  // namespace medsweep::models
