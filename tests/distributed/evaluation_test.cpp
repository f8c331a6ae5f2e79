#include "runner/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mpi.h>
#include <torch/torch.h>

#include "base/random.h"
#include "runner/distributed/mpi_communicator.h"
#include "runner/group_error.h"

namespace medsweep::runner {
namespace {

using datasets::DataPool;
using datasets::PoolMember;
using datasets::RawSample;
using datasets::SampleId;
using datasets::SegmentationDataset;

/// Two classes out of one grey value: dark pixels are class 2, bright ones class 1.
class GreyModel : public models::Model {
 public:
  models::Losses loss(const datasets::Batch&) override { return {}; }
  std::optional<models::LossWeights> loss_weights(const datasets::Batch&) const override {
    return models::LossWeights{};
  }
  models::Predictions predict(const datasets::Batch& batch) override {
    models::Predictions predictions;
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      const torch::Tensor grey = batch.images[i][0];
      const torch::Tensor both = torch::stack({grey, 1 - grey});
      predictions.push_back({both, label_map(both)});
    }
    return predictions;
  }
  torch::Tensor label_map(const torch::Tensor& probabilities) const override {
    return ((probabilities[0] > 0.7).to(torch::kUInt8) +
            2 * (probabilities[1] > 0.7).to(torch::kUInt8))
        .to(torch::kUInt8);
  }
  std::int64_t size_multiple() const override { return 1; }
};

/// One slice: a grey image, labels that mostly follow it, a field of view without its corner.
RawSample make_slice(const std::string& case_name, std::int64_t slice) {
  RawSample raw;
  raw.id.name = case_name + "/" + std::to_string(slice);
  raw.id.case_name = case_name;
  raw.id.patient = case_name;
  raw.id.slice = slice;
  raw.id.spacing = {8, 1.5, 1.25};
  RandomStream random{7, std::hash<std::string>{}(case_name), static_cast<std::uint64_t>(slice)};
  raw.image = torch::empty({1, 12, 9});
  raw.labels = torch::zeros({12, 9}, torch::kUInt8);
  for (std::int64_t i = 0; i < 108; ++i) {
    const double grey = random.uniform();
    const int label = grey > 0.7 ? 1 : grey < 0.3 ? 2 : 0;
    raw.image.data_ptr<float>()[i] = static_cast<float>(grey);
    raw.labels.data_ptr<std::uint8_t>()[i] =
        static_cast<std::uint8_t>(random.chance(0.2) ? random.below(3) : label);
  }
  raw.field_of_view = torch::ones({12, 9}, torch::kUInt8);
  raw.field_of_view.slice(0, 0, 3).slice(1, 0, 3).fill_(0);
  return raw;
}

/// Ten samples of five cases, the last of them without its middle slice.
std::vector<RawSample> make_slices() {
  std::vector<RawSample> slices;
  for (const auto& [name, count] : {std::pair{"p0", 2}, {"p1", 1}, {"p2", 4}, {"p3", 1}})
    for (std::int64_t slice = count; slice-- > 0;) slices.push_back(make_slice(name, slice));
  slices.push_back(make_slice("p4", 2));
  slices.push_back(make_slice("p4", 0));
  return slices;
}

SegmentationDataset dataset_of(const std::vector<RawSample>& slices) {
  PoolMember member;
  member.name = "memory";
  member.classes = {"lv", "rv"};
  member.channels = 1;
  std::vector<std::int64_t> indices;
  for (const RawSample& slice : slices) {
    indices.push_back(static_cast<std::int64_t>(indices.size()));
    member.samples.push_back(slice.id);
    member.sizes.push_back({slice.labels.size(0), slice.labels.size(1)});
  }
  member.read = [slices](std::int64_t index, const torch::Tensor&) {
    return slices.at(static_cast<std::size_t>(index));
  };
  datasets::SampleOptions options;
  options.color_mode = "gray";
  return {std::make_shared<DataPool>(std::vector{member}), indices, options,
          datasets::SampleMode::kEvaluate};
}

class EvaluateTest : public testing::Test {
 protected:
  Summary evaluate_slices(const std::vector<RawSample>& slices, Communicator& group) {
    GreyModel model;
    PredictionOptions options;
    options.batch_size = 3;
    return evaluate(model, dataset_of(slices), offered_metrics(Spacing::kKnown), group, options);
  }

  std::string error_of(const std::vector<RawSample>& slices) {
    try {
      evaluate_slices(slices, *world_);
    } catch (const GroupError& error) {
      return error.what();
    }
    return "no error";
  }

  std::unique_ptr<Communicator> world_ = mpi_communicator(MPI_COMM_WORLD);
};

TEST_F(EvaluateTest, RowsAndSummaryDoNotDependOnTheNumberOfRanks) {
  const Summary alone = evaluate_slices(make_slices(), *single_communicator());
  const Summary together = evaluate_slices(make_slices(), *world_);

  EXPECT_EQ(together.cases(), alone.cases());
  EXPECT_EQ(together.rows(), alone.rows());
  ASSERT_EQ(together.size(), 5);
  EXPECT_EQ(together.cases()[0].name, "p0");
  EXPECT_EQ(together.cases()[4].name, "p4");
}

TEST_F(EvaluateTest, ACaseIsItsSlicesInOrderWithinTheFieldOfView) {
  std::vector<torch::Tensor> images, labels;
  for (std::int64_t slice = 0; slice < 4; ++slice) {
    images.push_back(make_slice("p2", slice).image[0]);
    labels.push_back(make_slice("p2", slice).labels);
  }
  Case whole;
  whole.name = "p2";
  whole.spacing = {8, 1.5, 1.25};
  whole.classes = {"lv", "rv"};
  const torch::Tensor grey = torch::stack(images);
  whole.probabilities = torch::stack({grey, 1 - grey});
  whole.prediction = GreyModel().label_map(whole.probabilities);
  whole.truth = torch::stack(labels);
  whole.valid = torch::ones({4, 12, 9}, torch::kBool);
  whole.valid.slice(1, 0, 3).slice(2, 0, 3).fill_(false);

  const Summary summary = evaluate_slices(make_slices(), *world_);

  EXPECT_EQ(summary.cases().at(2).rows, evaluate_case(whole, offered_metrics(Spacing::kKnown)));
}

TEST_F(EvaluateTest, AMissingSliceKeepsItsPlaceAndCountsNowhere) {
  const Summary summary = evaluate_slices({make_slice("p4", 2), make_slice("p4", 0)}, *world_);

  double voxels = 0;
  for (const SummaryRow& row : summary.rows())
    if (row.class_name == "lv" &&
        (row.metric.starts_with("true_") || row.metric.starts_with("false_")))
      voxels += row.value.value();
  EXPECT_EQ(voxels, 2 * (108 - 9));
}

TEST_F(EvaluateTest, SlicesOfDifferentSizesNameTheirCaseOnAllRanks) {
  std::vector<RawSample> slices = make_slices();
  RawSample& other = slices.at(3);
  other.image = torch::zeros({1, 12, 10});
  other.labels = torch::zeros({12, 10}, torch::kUInt8);
  other.field_of_view = torch::Tensor();
  EXPECT_EQ(error_of(slices),
            "[evaluation] case 'p2': slice 0 has pixels [12, 9], slice 3 has [12, 10]; one is "
            "allowed in a case");
}

TEST_F(EvaluateTest, TwoSamplesOfOneSliceAreRefused) {
  EXPECT_EQ(error_of({make_slice("p0", 1), make_slice("p0", 1)}),
            "[evaluation] case 'p0': two samples of slice 1; one is allowed");
}

TEST_F(EvaluateTest, SpacingThatChangesWithinACaseIsRefused) {
  std::vector<RawSample> slices = make_slices();
  slices.at(0).id.spacing = {8, 1.5, 1.5};
  EXPECT_EQ(error_of(slices),
            "[evaluation] case 'p0': slice 0 has spacing [8, 1.5, 1.25], slice 1 has [8, 1.5, "
            "1.5]; one is allowed in a case");
}

TEST(AssignCases, GivesTheLargestFirstToTheLeastLoaded) {
  EXPECT_EQ(assign_cases({3, 9, 4, 4, 2}, 2), (std::vector<int>{1, 0, 1, 1, 0}));
  EXPECT_EQ(assign_cases({1, 1, 1}, 4), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(assign_cases({5, 6}, 1), (std::vector<int>{0, 0}));
}

}  // namespace
}  // namespace medsweep::runner
