#include "models/layers/linear.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace medsweep::models {
namespace {

// [rows, columns] of numbers in [-1, 1].
torch::Tensor linear_waves(std::int64_t rows, std::int64_t columns, double step) {
  return (torch::arange(rows * columns, torch::kDouble) * step)
      .sin()
      .to(torch::kFloat)
      .view({rows, columns});
}

struct Products {
  torch::Tensor output, of_input, of_weight, of_bias;
};

Products products_of(const torch::Tensor& rows, torch::nn::Linear& layer, bool by_torch) {
  layer->zero_grad();
  const torch::Tensor input = rows.detach().clone().requires_grad_();
  const torch::Tensor output = by_torch ? layer->forward(input) : linear(input, layer);
  (output * linear_waves(output.size(0), output.size(1), 0.7)).sum().backward();
  return {output.detach(), input.grad(), layer->weight.grad().clone(), layer->bias.grad().clone()};
}

double relative_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

torch::nn::Linear made_layer(std::int64_t in, std::int64_t out) {
  torch::nn::Linear layer(in, out);
  const torch::NoGradGuard no_grad;
  layer->weight.copy_(linear_waves(out, in, 12.9898));
  layer->bias.copy_(linear_waves(1, out, 1.3)[0]);
  return layer;
}

TEST(Linear, GivesTheValuesAndGradientsOfTorch) {
  for (const std::int64_t rows : {0, 3, 300}) {  // the last is multiplied by oneDNN
    auto layer = made_layer(500, 200);
    const torch::Tensor input = linear_waves(rows, 500, 78.233);
    const Products ours = products_of(input, layer, false);
    const Products expected = products_of(input, layer, true);
    ASSERT_EQ(ours.output.sizes(), expected.output.sizes());
    if (rows == 0) continue;
    EXPECT_LT(relative_difference(ours.output, expected.output), 1e-5);
    EXPECT_LT(relative_difference(ours.of_input, expected.of_input), 1e-5);
    EXPECT_LT(relative_difference(ours.of_weight, expected.of_weight), 1e-5);
    EXPECT_LT(relative_difference(ours.of_bias, expected.of_bias), 1e-5);
  }
}

TEST(Linear, TakesRowsThatAreNotContiguous) {
  auto layer = made_layer(500, 200);
  const torch::Tensor input = linear_waves(500, 300, 78.233).t();
  EXPECT_LT(relative_difference(linear(input, layer), layer->forward(input)), 1e-5);
}

TEST(Linear, LeavesAFrozenWeightWithoutGradient) {
  auto layer = made_layer(500, 200);
  layer->weight.requires_grad_(false);
  const torch::Tensor input = linear_waves(300, 500, 78.233).requires_grad_();
  linear(input, layer).sum().backward();
  EXPECT_FALSE(layer->weight.grad().defined());
  EXPECT_TRUE(input.grad().defined());
  EXPECT_TRUE(layer->bias.grad().defined());
}

}  // namespace
}  // namespace medsweep::models
