#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace medsweep::models::golden {

/// The streams of tests/golden/unet.py.
inline constexpr std::uint32_t kImages = 1, kLabels = 2, kLogits = 3, kSigns = 1000,
                               kWeights = 5000;

inline std::uint32_t bits(std::uint32_t stream, std::uint32_t position) {
  std::uint32_t x = position * 40503U + stream * 2654435761U + 12345U;
  for (int round = 0; round < 2; ++round) x = (x ^ (x >> 16)) * 0x45D9F3BU;
  return x ^ (x >> 16);
}

/// float32 in [-1, 1).
inline torch::Tensor uniform(std::uint32_t stream, at::IntArrayRef shape) {
  torch::Tensor values = torch::empty(shape);
  float* const out = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    out[i] = static_cast<float>(bits(stream, static_cast<std::uint32_t>(i)) >> 8) * 0x1p-23F - 1.0F;
  return values;
}

inline torch::Tensor integers(std::uint32_t stream, at::IntArrayRef shape, std::uint32_t count) {
  torch::Tensor values = torch::empty(shape, torch::kLong);
  std::int64_t* const out = values.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    out[i] = bits(stream, static_cast<std::uint32_t>(i)) % count;
  return values;
}

/// The products with 4 vectors of signs.
inline std::vector<double> products(const torch::Tensor& gradient) {
  const torch::Tensor values = gradient.contiguous().to(torch::kDouble);
  const double* const in = values.data_ptr<double>();
  std::vector<double> sums(4, 0.0);
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const std::uint32_t signs = bits(kSigns, static_cast<std::uint32_t>(i)) >> 8;
    const double both[2] = {in[i], -in[i]};
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += both[(signs >> k) & 1U];
  }
  return sums;
}

inline std::string path_of(const std::string& name) {
  return std::string(MEDSWEEP_SOURCE_DIR) + "/tests/golden/" + name;
}

inline nlohmann::json numbers() {
  std::ifstream file(path_of("unet.json"));
  return nlohmann::json::parse(file);
}

/// Fills the parameters, in the order of their keys, as unet.py does.
inline void fill(torch::nn::Module& network) {
  torch::NoGradGuard no_grad;
  std::map<std::string, torch::Tensor> sorted;
  for (const auto& parameter : network.named_parameters())
    sorted[parameter.key()] = parameter.value();
  std::uint32_t index = 0;
  for (auto& [key, parameter] : sorted) {
    const torch::Tensor values = uniform(kWeights + index++, parameter.sizes());
    if (parameter.dim() > 1) {
      const auto fan_in = static_cast<double>(parameter.numel() / parameter.size(0));
      parameter.copy_(values * std::sqrt(6 / fan_in));
    } else if (key.ends_with("normalization.weight") || key.ends_with(".1.weight")) {
      parameter.copy_(1 + 0.2 * values);
    } else {
      parameter.copy_(0.2 * values);
    }
  }
}

}  // namespace medsweep::models::golden
