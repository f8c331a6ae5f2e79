#include "tests/models/golden_network.h"

namespace medsweep::models::golden {
namespace {

/// At full width a gradient is compared by its products with 4 vectors of signs, whose mean square
/// estimates the squared norm of the difference. Some of the millions of activations lie so near to
/// zero that another order of summation puts them on the other side of a ReLU, which moves a
/// gradient by about 1 / sqrt(activations): hence 2e-2 here and 1e-4 in the narrow networks.
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
      square += (ours[k] - theirs[k]) * (ours[k] - theirs[k]) / 4;
    if (is_without_effect(key)) continue;
    EXPECT_LE(std::sqrt(square), 2e-2 * reference["norm"].get<double>() + 1e-5 * got.largest_norm)
        << key;
  }
}

INSTANTIATE_TEST_SUITE_P(BothNetworks, EveryFullNetwork, testing::Values(0, 1));

}  // namespace
}  // namespace medsweep::models::golden
