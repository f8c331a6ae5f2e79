#include "tests/models/mask_rcnn/golden_rcnn.h"

namespace medsweep::models::golden {
namespace {

/// What SGD with momentum 0.9, weight decay 1e-4 and rate 0.02 adds to a parameter, in float64.
torch::Tensor sgd_update(const torch::Tensor& parameter, const torch::Tensor& momentum) {
  torch::NoGradGuard no_grad;
  const torch::Tensor gradient = parameter.grad().to(torch::kDouble).add(parameter, 1e-4);
  return momentum.to(torch::kDouble).mul(0.9).add(gradient).mul(-0.02);
}

/// Each step starts from weights and momenta that are functions of its number, so that both
/// libraries take it from the same place: trajectories are not comparable.
TEST(RcnnStepsTest, TwentyTeacherForcedStepsEqualTorchvision) {
  const auto steps = rcnn_numbers("steps");
  ASSERT_EQ(steps.size(), 20U);
  const nlohmann::json kind{{"backbone", "resnet18"}, {"channels", 64}, {"representation", 256}};
  const auto model = golden_model(kind, MemoryLayout::kContiguous);
  for (std::uint32_t step = 0; step < steps.size(); ++step) {
    fill_rcnn(*model, step + 1, 0.05, 0.01);
    model->zero_grad();
    const Losses losses = model->loss(golden_batch(step + 1));
    for (const auto& [loss, mean] : means_of(losses))
      EXPECT_NEAR(mean, steps[step]["losses"].at(loss).get<double>(), 1e-4) << step << " " << loss;
    mean_of(losses).backward();
    std::uint32_t index = 0;
    for (const auto& [key, parameter] : sorted_parameters(*model)) {
      const auto momentum = 1e-3 * uniform(kMomenta + index++ + 1000 * step, parameter.sizes());
      const auto& reference = steps[step]["updates"].at(key);
      EXPECT_LE(estimated_difference(sgd_update(parameter, momentum), reference),
                1e-3 * reference["norm"].get<double>())
          << step << " " << key;
    }
  }
}

}  // namespace
}  // namespace medsweep::models::golden
