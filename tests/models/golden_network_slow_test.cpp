#include "tests/models/golden_network.h"

namespace medsweep::models::golden {
namespace {

/// At full width a gradient is compared by its products with 4 vectors of signs, whose mean square
/// estimates the squared norm of the difference. In double precision: in single precision some of
/// the millions of activations lie so near to zero that another order of summation takes them
/// across a ReLU. The losses stay float32.
class EveryFullNetwork : public testing::TestWithParam<std::size_t> {};

TEST_P(EveryFullNetwork, ForwardLossAndGradientsEqualPyTorch) {
  const nlohmann::json expected = numbers()["projected"][GetParam()];
  expect_forward(expected, 64, MemoryLayout::kChannelsLast, torch::kDouble);
  const GoldenRun got = run(expected, 64, MemoryLayout::kChannelsLast, torch::kDouble);
  const double loss = expected["loss"];
  EXPECT_NEAR(got.loss, loss, 1e-5 * loss);

  ASSERT_EQ(got.gradients.size(), expected["gradients"].size());
  for (const auto& [key, gradient] : got.gradients) {
    const auto& reference = expected["gradients"].at(key);
    const auto theirs = reference["products"].get<std::vector<double>>();
    const auto ours = products(gradient);
    double square = 0;
    for (std::size_t k = 0; k < ours.size(); ++k)
      square += (ours[k] - theirs[k]) * (ours[k] - theirs[k]) / 4;
    if (is_without_effect(key)) continue;
    EXPECT_LE(std::sqrt(square), 1e-4 * reference["norm"].get<double>() + 1e-7 * got.largest_norm)
        << key;
  }
}

INSTANTIATE_TEST_SUITE_P(BothNetworks, EveryFullNetwork, testing::Values(0, 1));

}  // namespace
}  // namespace medsweep::models::golden
