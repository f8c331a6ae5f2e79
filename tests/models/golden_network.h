#pragma once

#include <gtest/gtest.h>

#include "models/parameters.h"
#include "models/segmentation/networks.h"
#include "models/segmentation/segmentation_model.h"
#include "tests/models/golden_numbers.h"

namespace medsweep::models::golden {

inline datasets::Batch batch_of(const torch::Tensor& images, const torch::Tensor& labels) {
  datasets::Batch batch;
  batch.images = images;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    batch.sizes.push_back({images.size(2), images.size(3)});
    batch.targets.push_back({{datasets::kSegmentation, {labels[i]}}});
    batch.samples.emplace_back();
    batch.samples.back().name = "sample" + std::to_string(i);
  }
  return batch;
}

/// A model with the weights of unet.py and, after backward(), its gradients.
struct GoldenRun {
  std::shared_ptr<SegmentationModel> model;
  double loss;
  torch::Tensor logits;
  std::map<std::string, torch::Tensor> gradients;  // sorted by key
  double largest_norm = 0;
};

/// Options of the networks of unet.py: nothing is dropped.
inline NetworkOptions network_options(const std::string& name, std::int64_t width) {
  NetworkOptions options{.width = width};
  if (name == "sa_unet") options.depth = 4;
  options.drop_block.keep = 1;
  return options;
}

inline GoldenRun run(const nlohmann::json& expected, std::int64_t width, MemoryLayout layout,
                     torch::Dtype type = torch::kFloat) {
  const auto shape = expected["shape"].get<std::vector<std::int64_t>>();
  SegmentationModelOptions options;
  options.network = expected["network"];
  options.network_options = network_options(options.network, width);
  options.classes = expected["classes"];
  options.layout = layout;
  options.activation = options.classes == 1 ? Activation::kSigmoid : Activation::kSoftmax;
  options.losses = {{.name = options.classes == 1 ? "bce" : "cross_entropy"}};
  GoldenRun result;
  result.model = std::make_shared<SegmentationModel>(options);
  fill(*result.model);
  result.model->to(type);
  const auto labels = integers(kLabels, {shape[0], shape[2], shape[3]},
                               static_cast<std::uint32_t>(options.classes + 1));
  const auto batch = batch_of(uniform(kImages, shape).to(type), labels);
  const Losses losses = result.model->loss(batch);
  const Loss& loss = losses.begin()->second;
  const torch::Tensor mean = loss.sum / loss.weight;
  mean.backward();
  result.loss = mean.item<double>();
  for (const auto& parameter : result.model->named_parameters()) {
    const torch::Tensor gradient = parameter.value().grad().contiguous();
    result.gradients[parameter.key()] = gradient;
    result.largest_norm = std::max(result.largest_norm, gradient.norm().item<double>());
  }
  return result;
}

/// A bias before a batch normalisation changes nothing: its gradient is zero, up to rounding.
inline bool is_without_effect(const std::string& key) {
  return key.ends_with(".0.bias") || key.ends_with(".convolution.bias");
}

/// ||difference|| <= 1e-4 ||reference|| + 1e-7 of the largest gradient's norm.
inline void expect_gradient(const std::string& key, const torch::Tensor& gradient,
                            double difference, double reference_norm, double largest_norm) {
  if (is_without_effect(key)) {
    EXPECT_LE(gradient.norm().item<double>(), 1e-5 * largest_norm) << key;
    EXPECT_LE(reference_norm, 1e-5 * largest_norm) << key;
  } else {
    EXPECT_LE(difference, 1e-4 * reference_norm + 1e-7 * largest_norm) << key;
  }
}

/// Loss and forward: within 1e-5 relative of PyTorch's.
inline void expect_forward(const nlohmann::json& expected, std::int64_t width, MemoryLayout layout,
                           torch::Dtype type = torch::kFloat) {
  const auto shape = expected["shape"].get<std::vector<std::int64_t>>();
  const std::int64_t classes = expected["classes"];
  const std::string name = expected["network"];
  NetworkOptions options = network_options(name, width);
  options.out_channels = classes == 1 ? 1 : classes + 1;
  const auto network = make_network(name, options);
  fill(*network);
  network->to(type);
  set_memory_layout(*network, layout);
  const torch::Tensor logits =
      network->forward(uniform(kImages, shape).to(type).contiguous(memory_format_of(layout)))
          .detach()
          .contiguous()
          .flatten()
          .to(torch::kDouble);
  EXPECT_EQ(count_parameters(*network), expected["parameters"].get<std::int64_t>());
  const double norm = expected["logits_norm"];
  EXPECT_NEAR(logits.norm().item<double>(), norm, 1e-5 * norm);
  const auto sampled = torch::tensor(expected["logits"].get<std::vector<double>>(), torch::kDouble);
  const auto got = logits.slice(0, 0, std::nullopt, expected["logits_step"].get<std::int64_t>());
  EXPECT_LE((got - sampled).norm().item<double>(), 1e-5 * sampled.norm().item<double>());
}

}  // namespace medsweep::models::golden
