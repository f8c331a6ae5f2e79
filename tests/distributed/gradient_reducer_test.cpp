#include "runner/distributed/gradient_reducer.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mpi.h>
#include <torch/torch.h>

#include "runner/distributed/mpi_communicator.h"

namespace medsweep::runner {
namespace {

/// Two convolutions, the second 1x1, and a normalisation: ambiguous strides and buffers are in it.
torch::nn::Sequential make_network() {
  torch::manual_seed(7);
  return torch::nn::Sequential(torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 8, 3).padding(1)),
                               torch::nn::GroupNorm(2, 8), torch::nn::Conv2d(8, 4, 1),
                               torch::nn::ReLU(), torch::nn::Conv2d(4, 1, 3));
}

/// Sample `index` of a set that all ranks know. [1, 3, 10, 12]
torch::Tensor sample(std::int64_t index) {
  const torch::Tensor ramp = torch::arange(3 * 10 * 12, torch::kFloat).reshape({1, 3, 10, 12});
  return torch::sin(ramp * 0.37 + double(index));
}

torch::Tensor loss_of(torch::nn::Sequential& network, std::int64_t first, std::int64_t last) {
  torch::Tensor loss = torch::zeros({});
  for (const auto& p : network->parameters()) loss = loss + 0 * p.sum();
  for (std::int64_t i = first; i < last; ++i)
    loss = loss + network->forward(sample(i)).square().sum() / 50;
  return loss;
}

void make_channels_last(torch::nn::Sequential& network) {
  for (auto& p : network->parameters())
    if (p.dim() == 4) p.set_data(p.detach().contiguous(torch::MemoryFormat::ChannelsLast));
}

std::vector<torch::Tensor> gradients(torch::nn::Sequential& network) {
  std::vector<torch::Tensor> all;
  for (const auto& p : network->parameters()) all.push_back(p.grad().clone());
  return all;
}

void expect_close(const std::vector<torch::Tensor>& got, const std::vector<torch::Tensor>& want) {
  double largest = 0;
  for (const auto& w : want) largest = std::max(largest, w.norm().item<double>());
  for (std::size_t i = 0; i < want.size(); ++i)
    EXPECT_LE((got[i] - want[i]).norm().item<double>(),
              1e-4 * want[i].norm().item<double>() + 1e-7 * largest)
        << "parameter " << i;
}

/// What one process alone gets from all samples.
std::vector<torch::Tensor> expected_gradients(std::int64_t samples) {
  auto network = make_network();
  loss_of(network, 0, samples).backward();
  return gradients(network);
}

class GradientReducerTest : public testing::Test {
 protected:
  GradientReducerTest()
      : world_(mpi_communicator(MPI_COMM_WORLD)),
        group_(world_->process_group(CollectiveThread::kWorker)) {
    at::set_num_threads(1);
  }
  /// Rank r's samples of `count`: unequal where it does not divide; empty for late ranks.
  std::pair<std::int64_t, std::int64_t> mine(std::int64_t count) const {
    const std::int64_t each = (count + world_->size() - 1) / world_->size();
    const std::int64_t first = std::min(count, each * world_->rank());
    return {first, std::min(count, first + each)};
  }
  std::unique_ptr<Communicator> world_;
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
};

TEST_F(GradientReducerTest, GradientsAreTheSumOverRanksWhateverTheirNumber) {
  for (const std::int64_t count : {8, 5, 3, 1}) {
    auto network = make_network();
    GradientReducer reducer(*network, group_, {.bucket_bytes = 400, .first_bucket_bytes = 100});
    const auto [first, last] = mine(count);
    for (int step = 0; step < 3; ++step) {
      for (auto& p : network->parameters()) p.mutable_grad().reset();
      const torch::Tensor loss = loss_of(network, first, last);
      reducer.prepare(loss);
      loss.backward();
      reducer.finish();
      expect_close(gradients(network), expected_gradients(count));
    }
  }
}

TEST_F(GradientReducerTest, MicroBatchesBeforeTheLastAreAddedWithoutReduction) {
  auto network = make_network();
  GradientReducer reducer(*network, group_);
  const auto [first, last] = mine(12);
  for (int step = 0; step < 2; ++step) {
    for (auto& p : network->parameters())
      if (p.grad().defined()) p.mutable_grad().zero_();
    for (std::int64_t i = first; i < last - 1; ++i) loss_of(network, i, i + 1).backward();
    const torch::Tensor loss = loss_of(network, last - 1, last);
    reducer.prepare(loss);
    loss.backward();
    reducer.finish();
    expect_close(gradients(network), expected_gradients(12));
  }
}

TEST_F(GradientReducerTest, RankZerosParametersAndBuffersReachAllRanks) {
  torch::nn::Sequential network{torch::nn::Linear(3, 2), torch::nn::BatchNorm1d(2)};
  {
    torch::NoGradGuard no_grad;
    for (auto& p : network->parameters()) p.fill_(1.5 + world_->rank());
    network->named_buffers()["1.running_mean"].fill_(4.0 + world_->rank());
  }
  GradientReducer reducer(*network, group_);
  for (const auto& p : network->parameters()) EXPECT_TRUE(p.eq(1.5).all().item<bool>());
  EXPECT_TRUE(network->named_buffers()["1.running_mean"].eq(4.0).all().item<bool>());
}

/// Counts the warnings that pass through it.
class CountingHandler : public c10::WarningHandler {
 public:
  void process(const c10::Warning& warning) override { texts.push_back(warning.msg()); }
  std::vector<std::string> texts;
};

TEST_F(GradientReducerTest, ChannelsLastKernelsAndTheirGradientsHaveTheSameStrides) {
  auto network = make_network();
  make_channels_last(network);
  GradientReducer reducer(*network, group_);
  CountingHandler handler;
  c10::WarningUtils::WarningHandlerGuard guard(&handler);
  c10::WarningUtils::WarnAlways always(true);
  const auto [first, last] = mine(4);
  torch::Tensor loss = torch::zeros({});
  for (std::int64_t i = first; i < last; ++i)
    loss =
        loss +
        network->forward(sample(i).contiguous(torch::MemoryFormat::ChannelsLast)).square().sum() /
            50;
  reducer.prepare(loss);
  loss.backward();
  reducer.finish();
  EXPECT_THAT(handler.texts, testing::IsEmpty());
  expect_close(gradients(network), expected_gradients(4));
}

TEST_F(GradientReducerTest, AParameterWithoutAGradientIsNamed) {
  if (world_->size() == 1) GTEST_SKIP() << "one rank reduces nothing";
  auto network = make_network();
  GradientReducer reducer(*network, group_);
  const torch::Tensor loss = network[0]->as<torch::nn::Conv2d>()->forward(sample(0)).sum();
  reducer.prepare(loss);
  loss.backward();
  try {
    reducer.finish();
    FAIL() << "a missing gradient was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(),
                 "[gradient_reducer] the backward pass ended before all gradients were reduced; "
                 "without one: 1.weight 1.bias 2.weight 2.bias 4.weight 4.bias");
  }
}

TEST_F(GradientReducerTest, ANetworkWithoutTrainableParametersIsRefused) {
  if (world_->size() == 1) GTEST_SKIP() << "one rank reduces nothing";
  torch::nn::Sequential network{torch::nn::ReLU()};
  EXPECT_THROW(GradientReducer(*network, group_), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::runner
