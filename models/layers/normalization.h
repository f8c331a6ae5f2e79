#pragma once

#include <torch/nn.h>

#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "models/layers/batch_norm.h"

namespace medsweep::models {

struct NormalizationOptions {
  std::int64_t channels;
  BatchStatistics statistics = BatchStatistics::kSynchronized;  ///< of `batch`
  std::int64_t groups = 8;  ///< of `group`; the largest divisor of the channels up to it is taken
  double eps = 1e-5;        ///< added to the variance
  double momentum = 0.1;    ///< of the running statistics of `batch`
};

/// Makes the normalisation called `name`: [N, C, H, W] in, the same shape out, with a trainable
/// scale and shift per channel (none: the input itself; frozen_batch: nothing trainable).
/// Throws std::invalid_argument for an unknown name or fewer than one channel.
torch::nn::AnyModule make_normalization(std::string_view name, const NormalizationOptions& options);

/// relu(normalization(maps)): in one go for batch and instance normalisation.
torch::Tensor normalize_and_relu(torch::nn::AnyModule& normalization, const torch::Tensor& maps);

/// layers->forward(maps), with every such pair in one go.
torch::Tensor run_layers(torch::nn::Sequential& layers, const torch::Tensor& maps);

/// The names that make_normalization knows.
std::vector<Row> normalization_rows();

}  // namespace medsweep::models
