#pragma once

#include <gtest/gtest.h>

#include "models/backbones/backbones.h"
#include "models/backbones/feature_pyramid.h"
#include "tests/models/golden_numbers.h"

namespace medsweep::models::golden {

/// The streams of tests/golden/backbones.py.
inline constexpr std::uint32_t kTargets = 20;

inline nlohmann::json backbone_numbers() {
  std::ifstream file(path_of("backbones.json"));
  return nlohmann::json::parse(file);
}

/// Parameters and statistics, by key; the counts of batches are left out.
inline std::map<std::string, torch::Tensor> state_of(const torch::nn::Module& network) {
  std::map<std::string, torch::Tensor> state;
  for (const auto& parameter : network.named_parameters())
    state[parameter.key()] = parameter.value();
  for (const auto& buffer : network.named_buffers())
    if (!buffer.key().ends_with("num_batches_tracked")) state[buffer.key()] = buffer.value();
  return state;
}

/// As fill() of backbones.py.
inline void fill_state(torch::nn::Module& network) {
  torch::NoGradGuard no_grad;
  std::uint32_t index = 0;
  for (auto& [key, value] : state_of(network)) {
    const torch::Tensor numbers = uniform(kWeights + index++, value.sizes()).to(torch::kDouble);
    if (value.dim() > 1)
      value.copy_(numbers *
                  std::sqrt(6 / static_cast<double>(value.numel() /
                                                    std::max<std::int64_t>(1, value.size(0)))));
    else if (key.ends_with("running_var"))
      value.copy_(1.5 + numbers);
    else if (key.ends_with("running_mean") || key.ends_with("bias"))
      value.copy_(0.2 * numbers);
    else
      value.copy_(0.5 + 0.2 * numbers);
  }
}

/// ||got - expected|| <= tolerance ||expected||, by the products of backbones.py.
inline void expect_held(const std::string& what, const torch::Tensor& got,
                        const nlohmann::json& expected, double tolerance) {
  ASSERT_TRUE(got.defined()) << what;
  ASSERT_EQ(got.sizes().vec(), expected["shape"].get<std::vector<std::int64_t>>()) << what;
  const double norm = expected["norm"];
  EXPECT_NEAR(got.to(torch::kDouble).norm().item<double>(), norm, tolerance * norm) << what;
  const auto sums = products(got.detach());
  double squares = 0;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const double difference = sums[k] - expected["products"][k].get<double>();
    squares += difference * difference / static_cast<double>(sums.size());
  }
  EXPECT_LE(std::sqrt(squares), tolerance * norm) << what;
}

}  // namespace medsweep::models::golden
