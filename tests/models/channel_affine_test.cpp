#include "models/layers/channel_affine.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>

namespace medsweep::models {
namespace {

TEST(ChannelAffine, EqualsItsFormulaInEveryTypeAndLayoutAndKeepsThem) {
  torch::manual_seed(0);
  const torch::Tensor a = torch::randn(5), b = torch::randn(5), c = torch::randn(5);
  const auto spread = [](const torch::Tensor& values) { return values.view({1, 5, 1, 1}); };
  for (const auto type : {torch::kFloat, torch::kBFloat16, torch::kDouble})
    for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      const torch::Tensor x = torch::randn({3, 5, 7, 6}).to(type);
      const torch::Tensor y = torch::randn({3, 5, 7, 6}).to(type).contiguous(format);
      const torch::Tensor expected =
          x.to(torch::kFloat) * spread(a) + y.to(torch::kFloat) * spread(b) + spread(c);
      const torch::Tensor got = channel_affine(x, a, y, b, c);
      EXPECT_EQ(got.scalar_type(), type);
      EXPECT_TRUE(got.is_contiguous(format));
      const double tolerance = type == torch::kBFloat16 ? 4e-3 : 1e-5;
      EXPECT_TRUE(torch::allclose(got.to(torch::kFloat), expected, tolerance, tolerance));
    }
}

TEST(ChannelAffine, NotANumberStaysSoInBfloat16) {
  const torch::Tensor one = torch::ones(1), zero = torch::zeros(1);
  for (const std::int32_t payload : {0x7FC00000, 0x7FFFFFFF}) {
    const torch::Tensor nan = torch::tensor({payload}, torch::kInt).view(torch::kFloat);
    const torch::Tensor x = torch::ones({1, 1, 1, 1}, torch::kBFloat16);
    const torch::Tensor got = channel_affine(x, nan, x, zero, zero);
    EXPECT_TRUE(got.isnan().all().item<bool>());
  }
  const torch::Tensor infinite = torch::full({1}, std::numeric_limits<float>::infinity());
  const torch::Tensor x = torch::ones({1, 1, 1, 1}, torch::kBFloat16);
  EXPECT_TRUE(channel_affine(x, infinite, x, one, zero).isinf().all().item<bool>());
}

}  // namespace
}  // namespace medsweep::models
