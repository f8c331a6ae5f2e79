#include "runner/optimizer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>
#include <memory>

namespace medsweep::runner {
namespace {

/// Three parameters of sizes that no vector length divides, one in channels-last.
NamedParameters make_parameters() {
  torch::manual_seed(7);
  NamedParameters parameters{
      {"conv.weight", torch::randn({5, 3, 3, 3}).contiguous(torch::MemoryFormat::ChannelsLast)},
      {"conv.bias", torch::randn({5})},
      {"scale", torch::randn({})}};
  for (auto& entry : parameters) entry.second.set_requires_grad(true);
  return parameters;
}

/// Gradients that depend on step and value, as a training's do.
void set_gradients(NamedParameters& parameters, int step) {
  const torch::NoGradGuard no_grad;
  for (auto& [name, parameter] : parameters)
    parameter.mutable_grad() = torch::sin(parameter * 3 + step) + 0.1 * parameter;
}

void take_steps(Optimizer& optimizer, NamedParameters& parameters, int first, int last) {
  for (int step = first; step < last; ++step) {
    set_gradients(parameters, step);
    optimizer.set_learning_rate(0.05 / (1 + step));
    optimizer.step();
  }
}

/// Every row, with and without its options.
std::vector<OptimizerOptions> option_sets(std::string_view name) {
  OptimizerOptions plain{.name = std::string(name)}, full = plain;
  full.weight_decay = 0.1;
  full.momentum = 0.9;
  full.nesterov = true;
  full.beta1 = 0.8;
  full.beta2 = 0.95;
  full.epsilon = 1e-6;
  OptimizerOptions momentum = plain;
  momentum.momentum = 0.9;
  return {plain, full, momentum};
}

class EveryOptimizer : public testing::TestWithParam<Row> {};

std::unique_ptr<torch::optim::Optimizer> pytorch_optimizer(const OptimizerOptions& options,
                                                           const NamedParameters& parameters) {
  std::vector<torch::Tensor> tensors;
  for (const auto& entry : parameters) tensors.push_back(entry.second);
  const auto betas = std::make_tuple(options.beta1, options.beta2);
  if (options.name == "sgd")
    return std::make_unique<torch::optim::SGD>(tensors, torch::optim::SGDOptions(1)
                                                            .momentum(options.momentum)
                                                            .nesterov(options.nesterov)
                                                            .weight_decay(options.weight_decay));
  if (options.name == "adam")
    return std::make_unique<torch::optim::Adam>(tensors, torch::optim::AdamOptions()
                                                             .betas(betas)
                                                             .eps(options.epsilon)
                                                             .weight_decay(options.weight_decay));
  if (options.name == "adamw")
    return std::make_unique<torch::optim::AdamW>(tensors, torch::optim::AdamWOptions()
                                                              .betas(betas)
                                                              .eps(options.epsilon)
                                                              .weight_decay(options.weight_decay));
  throw std::runtime_error("no peer for " + options.name);
}

TEST_P(EveryOptimizer, TakesThePublishedSteps) {
  for (const auto& options : option_sets(GetParam().name)) {
    auto ours = make_parameters(), theirs = make_parameters();
    Optimizer optimizer(options, ours);
    const auto peer = pytorch_optimizer(options, theirs);
    take_steps(optimizer, ours, 0, 10);
    for (int step = 0; step < 10; ++step) {
      set_gradients(theirs, step);
      peer->param_groups()[0].options().set_lr(0.05 / (1 + step));
      peer->step();
    }
    for (std::size_t i = 0; i < ours.size(); ++i)
      EXPECT_TRUE(torch::allclose(ours[i].second, theirs[i].second, 1e-5, 1e-6)) << ours[i].first;
  }
}

TEST_P(EveryOptimizer, GoesOnFromItsSavedStateBitForBit) {
  const auto path = std::filesystem::path(testing::TempDir()) /
                    fmt::format("medsweep_optimizer_{}.safetensors", GetParam().name);
  for (const auto& options : option_sets(GetParam().name)) {
    auto straight = make_parameters();
    Optimizer never_stopped(options, straight);
    take_steps(never_stopped, straight, 0, 10);

    auto first = make_parameters();
    Optimizer before(options, first);
    take_steps(before, first, 0, 5);
    write_safetensors(path, before.state());
    NamedParameters second;
    for (const auto& [name, parameter] : first)
      second.emplace_back(name, parameter.detach().clone().set_requires_grad(true));
    Optimizer after(options, second);
    after.load_state(SafeTensors(path).all());
    take_steps(after, second, 5, 10);

    for (std::size_t i = 0; i < straight.size(); ++i)
      EXPECT_TRUE(torch::equal(straight[i].second, second[i].second)) << straight[i].first;
    const auto expected = never_stopped.state(), state = after.state();
    for (const auto& [name, tensor] : expected)
      EXPECT_TRUE(torch::equal(tensor, state.at(name))) << name;
  }
  std::filesystem::remove(path);
}

TEST_P(EveryOptimizer, DoesNotCareHowParametersAndGradientsLieInMemory) {
  const OptimizerOptions options = option_sets(GetParam().name)[1];
  auto last = make_parameters(), mixed = make_parameters(), rows = make_parameters();
  rows[0].second = rows[0].second.detach().contiguous().set_requires_grad(true);
  Optimizer of_last(options, last), of_mixed(options, mixed), of_rows(options, rows);
  for (int step = 0; step < 4; ++step) {
    set_gradients(last, step);
    set_gradients(mixed, step);
    set_gradients(rows, step);
    mixed[0].second.mutable_grad() = mixed[0].second.grad().contiguous();
    for (auto* optimizer : {&of_last, &of_mixed, &of_rows}) optimizer->step();
  }
  EXPECT_TRUE(torch::equal(last[0].second, mixed[0].second));
  EXPECT_TRUE(torch::equal(last[0].second, rows[0].second));
}

TEST_P(EveryOptimizer, LeavesAParameterWithoutGradientAlone) {
  for (const auto& options : option_sets(GetParam().name)) {
    auto parameters = make_parameters();
    Optimizer optimizer(options, parameters);
    set_gradients(parameters, 0);
    parameters[1].second.mutable_grad() = torch::Tensor();
    const auto before = parameters[1].second.detach().clone();
    optimizer.step();
    EXPECT_TRUE(torch::equal(parameters[1].second, before));
    for (const auto& [name, tensor] : optimizer.state()) {
      if (name.ends_with(".conv.bias")) {
        EXPECT_EQ(tensor.abs().sum().item<double>(), 0) << name;
      }
    }
  }
}

TEST_P(EveryOptimizer, TakesTheSameStepOnAnyNumberOfThreads) {
  const auto options = option_sets(GetParam().name)[1];
  const int threads = at::get_num_threads();
  std::vector<torch::Tensor> results;
  for (const int count : {1, 3}) {
    at::set_num_threads(count);
    torch::manual_seed(0);
    NamedParameters parameters{{"w", torch::randn({100'003}).set_requires_grad(true)}};
    Optimizer optimizer(options, parameters);
    parameters[0].second.mutable_grad() = torch::cos(parameters[0].second.detach());
    optimizer.step();
    optimizer.step();
    results.push_back(parameters[0].second.detach());
  }
  at::set_num_threads(threads);
  EXPECT_TRUE(torch::equal(results[0], results[1]));
}

TEST_P(EveryOptimizer, NamesWhatDoesNotFitItsState) {
  auto options = option_sets(GetParam().name)[2];
  Optimizer optimizer(options, make_parameters());
  Tensors state = optimizer.state();
  state.emplace("exp_avg.other", torch::zeros(1));
  EXPECT_THAT([&] { optimizer.load_state(state); },
              testing::ThrowsMessage<std::invalid_argument>(
                  "[optimizer] tensor 'exp_avg.other' has no place here"));
}

INSTANTIATE_TEST_SUITE_P(Table, EveryOptimizer, testing::ValuesIn(optimizer_rows()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Optimizer, StateIsNamedByParameter) {
  const Optimizer optimizer({.name = "adam"}, make_parameters());
  std::vector<std::string> names;
  for (const auto& entry : optimizer.state()) names.push_back(entry.first);
  EXPECT_THAT(names, testing::ElementsAre("exp_avg.conv.bias", "exp_avg.conv.weight",
                                          "exp_avg.scale", "exp_avg_sq.conv.bias",
                                          "exp_avg_sq.conv.weight", "exp_avg_sq.scale",
                                          "step.conv.bias", "step.conv.weight", "step.scale"));
}

TEST(Optimizer, ErrorsNameTheOptionAndWhatIsAllowed) {
  const auto message = [](const OptimizerOptions& options) -> std::string {
    try {
      Optimizer optimizer(options, make_parameters());
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({.name = "adamv"}),
            "[optimizer] unknown name 'adamv'; did you mean 'adam'? known: sgd adam adamw");
  EXPECT_EQ(message({.learning_rate = -1}), "[optimizer] learning_rate -1; 0 or more is allowed");
  EXPECT_EQ(message({.beta2 = 1}), "[optimizer] beta2 1; [0, 1) is allowed");
  EXPECT_EQ(message({.name = "sgd", .nesterov = true}),
            "[optimizer] nesterov without momentum; momentum > 0 is allowed");
  EXPECT_THROW(Optimizer({}, {{"frozen", torch::zeros(2)}}), std::invalid_argument);
}

TEST(DropGradients, LeavesNoneAndTheNextStepChangesNothing) {
  auto parameters = make_parameters();
  Optimizer optimizer({}, parameters);
  set_gradients(parameters, 0);
  optimizer.drop_gradients();
  const torch::Tensor before = parameters[0].second.detach().clone();
  for (const auto& entry : parameters) EXPECT_FALSE(entry.second.grad().defined()) << entry.first;
  optimizer.step();
  EXPECT_TRUE(torch::equal(parameters[0].second, before));
}

TEST(ClipGradients, EqualsPyTorchAndReturnsTheNormBefore) {
  for (const double maximum : {0.5, 1000.0}) {
    auto ours = make_parameters(), theirs = make_parameters();
    set_gradients(ours, 1);
    set_gradients(theirs, 1);
    std::vector<torch::Tensor> tensors;
    for (const auto& entry : theirs) tensors.push_back(entry.second);
    const double expected = torch::nn::utils::clip_grad_norm_(tensors, maximum);
    EXPECT_NEAR(clip_gradients(ours, maximum), expected, 1e-6 * expected);
    for (std::size_t i = 0; i < ours.size(); ++i)
      EXPECT_TRUE(torch::allclose(ours[i].second.grad(), theirs[i].second.grad(), 1e-6));
  }
}

TEST(ClipGradients, LeavesNonFiniteGradientsAloneAndReportsThem) {
  auto parameters = make_parameters();
  set_gradients(parameters, 0);
  parameters[1].second.mutable_grad()[0] = std::numeric_limits<float>::infinity();
  const auto before = parameters[0].second.grad().clone();
  EXPECT_FALSE(std::isfinite(clip_gradients(parameters, 1)));
  EXPECT_TRUE(torch::equal(parameters[0].second.grad(), before));
  EXPECT_THROW(clip_gradients(parameters, 0), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::runner
