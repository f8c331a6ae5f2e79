#include "runner/metrics/detection/detection_summary.h"

#include <gtest/gtest.h>
#include <mpi.h>
#include <torch/torch.h>

#include "base/random.h"
#include "runner/distributed/mpi_communicator.h"

namespace medsweep::runner {
namespace {

constexpr std::int64_t kImages = 13, kSide = 48;

/// Objects and detections of two classes; equal scores are common.
DetectionCase random_case(std::int64_t position) {
  RandomStream random{11, static_cast<std::uint64_t>(position)};
  const std::int64_t objects = random.below(4), found = random.below(7);
  DetectionCase made{
      .name = std::to_string(position), .classes = {"lv", "rv"}, .image = {kSide, kSide}};
  const auto things = [&](std::int64_t count) {
    torch::Tensor boxes = torch::empty({count, 4});
    torch::Tensor masks = torch::zeros({count, kSide, kSide}, torch::kUInt8);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t x = random.below(12), y = random.below(12);
      const std::int64_t right = x + 8 + random.below(24), bottom = y + 8 + random.below(24);
      masks[i].slice(0, y, bottom).slice(1, x, right).fill_(1);
      boxes[i] = torch::tensor({x, y, right, bottom}, torch::kInt64).to(torch::kFloat32);
    }
    return std::pair{boxes, masks};
  };
  const auto numbers = [&](std::int64_t count, std::int64_t below) {
    torch::Tensor drawn = torch::empty({count}, torch::kInt64);
    for (std::int64_t i = 0; i < count; ++i) drawn[i] = random.below(below);
    return drawn;
  };
  std::tie(made.truth.boxes, made.truth.masks) = things(objects);
  made.truth.labels = (numbers(objects, 2) + 1).to(torch::kUInt8);
  made.truth.ignore = numbers(objects, 5).eq(0).to(torch::kUInt8);
  std::tie(made.found.boxes, made.found.masks) = things(found);
  made.found.labels = numbers(found, 2) + 1;
  made.found.scores = (numbers(found, 4) + 1).to(torch::kFloat32) / 4;
  made.seconds = random.uniform();
  return made;
}

DetectionSummary empty_summary() {
  return {offered_detection_metrics(DetectionRegions::kMasks), {}};
}

DetectionSummary summary_of_all() {
  DetectionSummary summary = empty_summary();
  for (std::int64_t i = 0; i < kImages; ++i) summary.add(i, random_case(i));
  return summary;
}

class DetectionSummaryTest : public testing::Test {
 protected:
  std::unique_ptr<Communicator> world_ = mpi_communicator(MPI_COMM_WORLD);
};

TEST_F(DetectionSummaryTest, DoesNotDependOnTheNumberOfRanksOrTheOrder) {
  DetectionSummary together = empty_summary();
  for (std::int64_t i = kImages; i-- > 0;)
    if (i * i % world_->size() == world_->rank()) together.add(i, random_case(i));
  // i * i leaves the ranks 2 and 3 of four without images.
  together.merge(*world_);
  const DetectionSummary alone = summary_of_all();

  EXPECT_EQ(together.size(), kImages);
  EXPECT_EQ(together.cases(), alone.cases());
  EXPECT_EQ(together.rows(), alone.rows());
  EXPECT_GT(alone.overall("mask_ap").value(), 0);
}

TEST_F(DetectionSummaryTest, MergingAnEmptyOneIsEmpty) {
  DetectionSummary together = empty_summary();
  together.merge(*world_);
  EXPECT_EQ(together.size(), 0);
  EXPECT_EQ(together.overall("box_ap"), std::nullopt);
}

TEST_F(DetectionSummaryTest, APositionOfTwoRanksIsRefusedOnAll) {
  if (world_->size() == 1) GTEST_SKIP() << "one rank has no other";
  DetectionSummary together = empty_summary();
  if (world_->rank() < 2) together.add(3, random_case(3));
  EXPECT_THROW(together.merge(*world_), std::logic_error);
}

TEST_F(DetectionSummaryTest, OtherClassesAreRefusedOnAll) {
  if (world_->size() == 1) GTEST_SKIP() << "one rank has no other";
  DetectionSummary together = empty_summary();
  DetectionCase scored = random_case(world_->rank());
  if (world_->rank() == 1) scored.classes[0] = "myo";
  together.add(world_->rank(), scored);
  EXPECT_THROW(together.merge(*world_), std::logic_error);
}

}  // namespace
}  // namespace medsweep::runner
