#include "tests/models/golden_network.h"

namespace medsweep::models::golden {
namespace {

/// At full width a gradient is compared by its products with 16 vectors of signs, whose mean square
/// estimates the squared norm of the difference.
class EveryFullNetwork : public testing::TestWithParam<std::size_t> {};

TEST_P(EveryFullNetwork, ForwardLossAndGradientsEqualPyTorch) {
  const nlohmann::json expected = numbers()["projected"][GetParam()];
  expect_forward(expected, 64, MemoryLayout::kChannelsLast);
  const GoldenRun got = run(expected, 64, MemoryLayout::kChannelsLast);
  const double loss = expected["loss"];
  EXPECT_NEAR(got.loss, loss, 1e-5 * loss);

  ASSERT_EQ(got.gradients.size(), expected["gradients"].size());
  for (const auto& [key, gradient] : got.gradients) {
    const auto& reference = expected["gradients"].at(key);
    const auto theirs = reference["products"].get<std::vector<double>>();
    const auto ours = products(gradient);
    double square = 0;
    for (std::size_t k = 0; k < ours.size(); ++k)
      square += (ours[k] - theirs[k]) * (ours[k] - theirs[k]) / 16;
    expect_gradient(key, gradient, std::sqrt(square), reference["norm"].get<double>(),
                    got.largest_norm);
  }
}

INSTANTIATE_TEST_SUITE_P(BothNetworks, EveryFullNetwork, testing::Values(0, 1));

}  // namespace
}  // namespace medsweep::models::golden
