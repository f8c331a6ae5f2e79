#include "tests/models/golden_network.h"

namespace medsweep::models::golden {
namespace {

class EveryGoldenNetwork : public testing::TestWithParam<std::tuple<std::size_t, MemoryLayout>> {
 protected:
  const nlohmann::json expected_ = numbers()["whole"][std::get<0>(GetParam())];
  const MemoryLayout layout_ = std::get<1>(GetParam());
};

TEST_P(EveryGoldenNetwork, ForwardEqualsPyTorch) { expect_forward(expected_, 2, layout_); }

TEST_P(EveryGoldenNetwork, LossAndEveryWholeGradientEqualPyTorch) {
  const GoldenRun got = run(expected_, 2, layout_);
  const double loss = expected_["loss"];
  EXPECT_NEAR(got.loss, loss, 1e-5 * loss);

  const std::string name = expected_["network"];
  std::ifstream file(path_of(name + "_gradients.f32"), std::ios::binary);
  for (const auto& [key, gradient] : got.gradients) {
    torch::Tensor reference = torch::empty_like(gradient);
    file.read(reinterpret_cast<char*>(reference.data_ptr<float>()),
              static_cast<std::streamsize>(reference.nbytes()));
    ASSERT_TRUE(file) << key;
    expect_gradient(key, gradient, (gradient - reference).norm().item<double>(),
                    reference.norm().item<double>(), got.largest_norm);
  }
  EXPECT_EQ(file.peek(), std::ifstream::traits_type::eof());
}

INSTANTIATE_TEST_SUITE_P(Networks, EveryGoldenNetwork,
                         testing::Combine(testing::Values(0, 1, 2),
                                          testing::Values(MemoryLayout::kChannelsLast,
                                                          MemoryLayout::kContiguous)));

}  // namespace
}  // namespace medsweep::models::golden
