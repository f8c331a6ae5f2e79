#include <gtest/gtest.h>
#include <mpi.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "datasets/sampler.h"
#include "models/layers/batch_norm.h"
#include "runner/distributed/mpi_communicator.h"
#include "runner/training_step.h"
#include "tests/models/mask_rcnn/rcnn_batch.h"
#include "tests/models/mask_rcnn/rcnn_values.h"

namespace medsweep::runner {
namespace {

constexpr std::int64_t kSide = 64, kImages = 5;

/// Images with none, one or two objects; all of one size, so that parts are padded alike.
datasets::Batch five_images() {
  const datasets::Extent extent{kSide, kSide};
  return models::made_batch({extent, extent, extent, extent, extent},
                            {{{{4, 6, 30, 40}, 1}, {{20, 10, 60, 60}, 2}},
                             {{{10, 20, 50, 60}, 3}},
                             {},
                             {{{2, 30, 30, 50}, 1}},
                             {{{0, 0, 20, 20}, 2}, {{30, 30, 60, 50}, 3}}});
}

std::shared_ptr<models::MaskRcnn> made_model(models::BatchStatistics statistics) {
  models::MaskRcnnOptions options = models::small_options();
  options.backbone_options.batch_statistics = statistics;
  options.seed = 3;
  const auto model = std::make_shared<models::MaskRcnn>(options);
  models::golden::fill_rcnn(*model, 0, 0.05, 0.02);
  return model;
}

/// A network that finds objects, on the ranks of `group`, with its samples in pieces. No ReLU
/// decides near 0, where a sum's order would.
struct PiecewiseTrainee {
  PiecewiseTrainee(Communicator& group_in, models::BatchStatistics statistics,
                   std::int64_t micro_batch_size)
      : group(group_in) {
    model = made_model(statistics);
    if (statistics == models::BatchStatistics::kFrozen)
      models::golden::take_batch_statistics(*model, *made_model(models::BatchStatistics::kPerShard),
                                            five_images());
    if (group.size() > 1) {
      gradients = group.process_group(CollectiveThread::kWorker);
      statistics_group = group.process_group(CollectiveThread::kCaller);
      models::set_process_group(*model, statistics_group);
    }
    reducer.emplace(*model, gradients);
    step.emplace(*model, group, *reducer, micro_batch_size);
    model->train();
  }

  /// A step over the five images, `shards` logical shards a rank.
  StepResult run(std::int64_t shards) {
    datasets::LoadedBatch loaded;
    const auto [first, last] = datasets::part_of(kImages, group.rank(), group.size());
    loaded.batch = datasets::slice(five_images(), first, last);
    loaded.global_size = kImages;
    for (std::int64_t k = 0; k < shards; ++k)
      loaded.shards.push_back(datasets::part_of(last - first, k, shards));
    const StepResult result = step->run([&] { return loaded; }, false);
    models::finish_step(*model, statistics_group);
    return result;
  }

  Communicator& group;
  std::shared_ptr<models::MaskRcnn> model;
  c10::intrusive_ptr<c10d::ProcessGroup> gradients, statistics_group;
  std::optional<GradientReducer> reducer;
  std::optional<TrainingStep> step;
};

void expect_equal_steps(PiecewiseTrainee& trainee, PiecewiseTrainee& reference,
                        std::int64_t shards) {
  const StepResult got = trainee.run(shards), expected = reference.run(1);
  EXPECT_EQ(got.samples, kImages);
  for (const auto& [name, value] : expected.losses)
    EXPECT_NEAR(got.losses.at(name), value, 1e-5 * std::abs(value)) << name;
  double largest = 0;
  for (const auto& parameter : reference.model->parameters())
    largest = std::max(largest, parameter.grad().norm().item<double>());
  const auto own = trainee.model->named_parameters();
  for (const auto& item : reference.model->named_parameters()) {
    const double norm = item.value().grad().norm().item<double>();
    const double difference = (own[item.key()].grad() - item.value().grad()).norm().item<double>();
    EXPECT_LE(difference, 1e-4 * norm + 1e-6 * largest) << item.key();
  }
}

TEST(MaskRcnnStep, PiecesOnAnyNumberOfRanksGiveTheGradientsOfOnePassOnOneRank) {
  const auto world = mpi_communicator(MPI_COMM_WORLD);
  const auto alone = single_communicator();
  // On four ranks the first has two pieces, the others one.
  PiecewiseTrainee ranks(*world, models::BatchStatistics::kFrozen, 1);
  PiecewiseTrainee reference(*alone, models::BatchStatistics::kFrozen, 0);
  expect_equal_steps(ranks, reference, 1);
}

TEST(MaskRcnnStep, SynchronizedStatisticsMoveOnceThoughForwardsRunTwice) {
  const auto world = mpi_communicator(MPI_COMM_WORLD);
  // Two shards a rank, perhaps empty, whose forwards join collectives on all ranks.
  PiecewiseTrainee ranks(*world, models::BatchStatistics::kSynchronized, 0);
  ranks.run(2);
  for (const auto& buffer : ranks.model->named_buffers())
    if (buffer.key().ends_with("num_batches_tracked")) {
      EXPECT_EQ(buffer->item<std::int64_t>(), 2) << buffer.key() << ": one a shard";
    }
  for (const auto& parameter : ranks.model->named_parameters())
    EXPECT_TRUE(parameter->grad().isfinite().all().item<bool>()) << parameter.key();
}

}  // namespace
}  // namespace medsweep::runner
