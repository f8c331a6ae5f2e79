#include "runner/training_step.h"

#include <gtest/gtest.h>
#include <mpi.h>
#include <torch/torch.h>

#include <cmath>
#include <map>
#include <string>

#include "base/random.h"
#include "datasets/sampler.h"
#include "models/layers/batch_norm.h"
#include "models/segmentation/segmentation_model.h"
#include "runner/distributed/mpi_communicator.h"
#include "runner/group_error.h"
#include "runner/optimizer.h"

namespace medsweep::runner {
namespace {

constexpr std::int64_t kSide = 32;

models::SegmentationModelOptions model_options(models::BatchStatistics statistics) {
  models::SegmentationModelOptions options;
  options.network_options = {.in_channels = 1, .width = 4, .depth = 3};
  options.network_options.batch_statistics = statistics;
  options.classes = 2;
  options.activation = models::Activation::kSoftmax;
  options.losses = {{.name = "dice_ce"}};
  options.seed = 3;
  return options;
}

/// Random images whose label is a function of the image; the first rows are outside the field of
/// view, so that samples have different weights.
datasets::Sample sample(std::uint64_t number) {
  RandomStream stream({number, 17});
  datasets::Sample made;
  made.image = torch::empty({1, kSide, kSide});
  for (std::int64_t i = 0; i < kSide * kSide; ++i)
    made.image.view(-1)[i] = static_cast<float>(stream.normal());
  torch::Tensor labels = (made.image[0] > 0.5).to(torch::kLong) + (made.image[0] > 1.5);
  labels.slice(0, 0, static_cast<std::int64_t>(number % 5)).fill_(datasets::kIgnored);
  made.targets[datasets::kSegmentation] = {labels};
  made.id.name = "sample" + std::to_string(number);
  return made;
}

/// The part of global batch `step` (of `size` samples) that shard `shard` of `shards` gets.
datasets::LoadedBatch part(std::int64_t step, std::int64_t size, int shard, int shards) {
  const auto [first, last] = datasets::part_of(size, shard, shards);
  std::vector<datasets::Sample> samples;
  for (std::int64_t i = first; i < last; ++i)
    samples.push_back(sample(static_cast<std::uint64_t>(step * 100 + i)));
  datasets::LoadedBatch loaded;
  loaded.batch = datasets::collate(samples, kSide, 1);
  loaded.shards = {{0, last - first}};
  loaded.global_size = size;
  return loaded;
}

/// A model with all that turns it, on the ranks of `group`.
struct Trainee {
  Trainee(models::BatchStatistics statistics, Communicator& group_in)
      : group(group_in),
        model_pointer(std::make_shared<models::SegmentationModel>(model_options(statistics))),
        model(*model_pointer) {
    if (group.size() > 1) {
      gradients = group.process_group(CollectiveThread::kWorker);
      statistics_group = group.process_group(CollectiveThread::kCaller);
      models::set_process_group(model, statistics_group);
    }
    reducer.emplace(model, gradients);
    step.emplace(model, group, *reducer, 0);
    NamedParameters parameters;
    for (const auto& item : model.named_parameters())
      parameters.emplace_back(item.key(), item.value());
    // Not Adam: it makes steps of full size out of gradients that are rounding noise.
    OptimizerOptions options;
    options.name = "sgd";
    options.learning_rate = 0.05;
    options.momentum = 0.9;
    optimizer.emplace(options, parameters);
    model.train();
  }

  StepResult run(std::int64_t number, std::int64_t size) {
    return step->run([&] { return part(number, size, group.rank(), group.size()); }, false);
  }

  Communicator& group;
  std::shared_ptr<models::SegmentationModel> model_pointer;  // torch asks for one
  models::SegmentationModel& model;
  c10::intrusive_ptr<c10d::ProcessGroup> gradients, statistics_group;
  std::optional<GradientReducer> reducer;
  std::optional<TrainingStep> step;
  std::optional<Optimizer> optimizer;
};

class EveryStatistics : public testing::TestWithParam<models::BatchStatistics> {
 protected:
  std::unique_ptr<Communicator> world_ = mpi_communicator(MPI_COMM_WORLD);
  std::unique_ptr<Communicator> alone_ = single_communicator();
};

/// ||a - b|| <= 1e-4 ||b|| + 1e-7 of the largest gradient norm; a bias in front of a normalisation
/// has an exact gradient of zero plus noise.
void expect_equal_gradients(Trainee& ranks, Trainee& reference) {
  double largest = 0;
  for (const auto& item : reference.model.named_parameters())
    largest = std::max(largest, item.value().grad().norm().item<double>());
  const auto own = ranks.model.named_parameters();
  for (const auto& item : reference.model.named_parameters()) {
    const double norm = item.value().grad().norm().item<double>();
    const double difference = (own[item.key()].grad() - item.value().grad()).norm().item<double>();
    EXPECT_LE(difference, 1e-4 * norm + 1e-7 * largest) << item.key();
  }
}

TEST_P(EveryStatistics, AnyNumberOfRanksGivesTheLossAndGradientsOfOne) {
  for (const std::int64_t size : {std::int64_t{8}, std::int64_t{5}}) {
    Trainee ranks(GetParam(), *world_), reference(GetParam(), *alone_);
    const StepResult together = ranks.run(0, size), expected = reference.run(0, size);
    EXPECT_EQ(together.samples, size);
    for (const auto& [name, value] : expected.losses)
      EXPECT_NEAR(together.losses.at(name), value, 1e-5 * std::abs(value)) << name;
    expect_equal_gradients(ranks, reference);
  }
}

/// Dice of class 1 over a made-up case.
double dice_of(models::SegmentationModel& model) {
  model.eval();
  const torch::NoGradGuard no_grad;
  const datasets::LoadedBatch whole = part(1000, 8, 0, 1);
  const models::Predictions predictions = model.predict(whole.batch);
  double both = 0, sum = 0;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const torch::Tensor truth = whole.batch.targets[i].at(datasets::kSegmentation).labels == 1;
    const torch::Tensor found = predictions[i].labels == 1;
    both += (truth & found).sum().item<double>();
    sum += truth.sum().item<double>() + found.sum().item<double>();
  }
  model.train();
  return 2 * both / sum;
}

TEST_P(EveryStatistics, AfterTwentyStepsTheDiceIsThatOfOneRank) {
  Trainee ranks(GetParam(), *world_), reference(GetParam(), *alone_);
  for (std::int64_t step = 0; step < 20; ++step) {
    const std::int64_t size = step % 4 == 3 ? 5 : 8;
    for (Trainee* trainee : {&ranks, &reference}) {
      trainee->run(step, size);
      trainee->optimizer->step();
      trainee->optimizer->drop_gradients();
    }
  }
  EXPECT_NEAR(dice_of(ranks.model), dice_of(reference.model), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Modes, EveryStatistics,
                         testing::Values(models::BatchStatistics::kSynchronized,
                                         models::BatchStatistics::kFrozen));

TEST(TrainingStep, AnErrorOfOneRankReachesAllAtTheSameStep) {
  const auto world = mpi_communicator(MPI_COMM_WORLD);
  Trainee ranks(models::BatchStatistics::kSynchronized, *world);
  const int faulty = world->size() - 1;
  const auto next = [&]() -> datasets::LoadedBatch {
    if (world->rank() == faulty) throw std::runtime_error("[x.h5] sample 7 cannot be read");
    return part(0, 8, world->rank(), world->size());
  };
  try {
    ranks.step->run(next, false);
    FAIL() << "the error was lost";
  } catch (const GroupError& error) {
    EXPECT_STREQ(error.what(), "[x.h5] sample 7 cannot be read");
  }
  EXPECT_EQ(ranks.run(0, 8).samples, 8) << "the group cannot go on";
}

TEST(TrainingStep, ALossThatIsNotFiniteStopsAllRanksAndNamesTheSamples) {
  const auto world = mpi_communicator(MPI_COMM_WORLD);
  Trainee ranks(models::BatchStatistics::kFrozen, *world);
  const auto next = [&] {
    datasets::LoadedBatch loaded = part(0, 8, world->rank(), world->size());
    if (world->rank() == 0) loaded.batch.images[0].fill_(NAN);
    return loaded;
  };
  try {
    ranks.step->run(next, false);
    FAIL() << "a loss that is not a number was accepted";
  } catch (const GroupError& error) {
    EXPECT_EQ(error.failure(), results::FailureClass::kNotANumber);
    ASSERT_FALSE(error.samples().empty());
    EXPECT_EQ(error.samples().front(), "sample0");
    EXPECT_EQ(error.samples().size(), static_cast<std::size_t>(8 / world->size()));
  }
}

TEST(TrainingStep, OneRankThatIsAskedToStopStopsAll) {
  const auto world = mpi_communicator(MPI_COMM_WORLD);
  Trainee ranks(models::BatchStatistics::kSynchronized, *world);
  const auto next = [&] { return part(0, 8, world->rank(), world->size()); };
  EXPECT_TRUE(ranks.step->run(next, world->rank() == world->size() - 1).stop);
  EXPECT_FALSE(ranks.step->run(next, false).stop);
}

}  // namespace
}  // namespace medsweep::runner
