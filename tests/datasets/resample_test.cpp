#include "datasets/converters/resample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::array<std::int64_t, 3> size_of(const torch::Tensor& volume) {
  return {volume.size(-3), volume.size(-2), volume.size(-1)};
}

TEST(Resample, ImagesAreCubicSplinesAsSciPys) {
  std::ifstream file(MEDSWEEP_SOURCE_DIR "/tests/golden/resample.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  const torch::Tensor volume = torch::tensor(golden["volume"].get<std::vector<float>>())
                                   .reshape(golden["shape"].get<std::vector<std::int64_t>>());
  ASSERT_EQ(golden["cases"].size(), 2u);
  for (const nlohmann::json& number : golden["cases"]) {
    const Grid grid = grid_of(size_of(volume), number["spacing"].get<std::vector<double>>(),
                              number["wanted"].get<std::vector<double>>());
    const torch::Tensor made = resample_image(volume.unsqueeze(0), grid)[0];
    const torch::Tensor expected = torch::tensor(number["values"].get<std::vector<float>>())
                                       .reshape(number["shape"].get<std::vector<std::int64_t>>());
    ASSERT_EQ(made.sizes(), expected.sizes());
    EXPECT_LT((made - expected).abs().max().item<float>(), 2e-3);  // of +-460
  }
}

TEST(Resample, TheGridHasExactlyTheWantedSpacingAndTheOldCentre) {
  const Grid grid = grid_of({10, 100, 90}, {10, 1.5, 1.2}, {0, 1.1, 1.1});
  EXPECT_THAT(grid.size, ElementsAre(10, 136, 98));
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double old_sizes[]{10, 100, 90};
    const double centre =
        grid.first[axis] + static_cast<double>(grid.size[axis] - 1) / 2 * grid.step[axis];
    EXPECT_NEAR(centre, (old_sizes[axis] - 1) / 2, 1e-9);
  }
  const VolumeGeometry made = regridded(
      {{10, 1.5, 1.2}, {-1.2, 0, 0, 5, 0, 1.5, 0, 6, 0, 0, 10, 7}}, grid.first, grid.step);
  EXPECT_DOUBLE_EQ(made.spacing[0], 10);
  EXPECT_DOUBLE_EQ(made.spacing[1], 1.1);
  EXPECT_DOUBLE_EQ(made.spacing[2], 1.1);
  EXPECT_DOUBLE_EQ(made.affine[0], -1.1);
  EXPECT_DOUBLE_EQ(made.affine[5], 1.1);
  EXPECT_DOUBLE_EQ(made.affine[3], 5 - 1.2 * grid.first[2]);
  EXPECT_DOUBLE_EQ(made.affine[7], 6 + 1.5 * grid.first[1]);
  EXPECT_DOUBLE_EQ(made.affine[11], 7);
}

TEST(Resample, AThickAxisTakesTheNearestSlice) {
  const torch::Tensor volume = torch::arange(4).reshape({1, 4, 1, 1}).expand({1, 4, 6, 6}) * 100;
  const Grid grid = grid_of({4, 6, 6}, {10, 1, 1}, {5, 1, 1});
  const torch::Tensor made = resample_image(volume.to(torch::kInt16), grid);
  EXPECT_EQ(made.scalar_type(), torch::kInt16);
  const torch::Tensor expected = torch::tensor({0, 0, 100, 100, 200, 200, 300, 300}, torch::kInt16);
  EXPECT_TRUE(torch::equal(made.select(3, 2).select(2, 3)[0], expected));
}

TEST(Resample, NothingOvershootsAndConstantsStay) {
  torch::Tensor step = torch::zeros({1, 8, 8, 8}, torch::kUInt8);
  step.narrow(3, 4, 4).fill_(255);
  const Grid grid = grid_of({8, 8, 8}, {1, 1, 1}, {0.7, 0.7, 0.7});
  const torch::Tensor made = resample_image(step, grid);
  EXPECT_EQ(made.scalar_type(), torch::kUInt8);
  EXPECT_EQ(made.select(3, 0).max().item<int>(), 0);
  EXPECT_EQ(made.select(3, grid.size[2] - 1).min().item<int>(), 255);
  const torch::Tensor same = torch::full({2, 8, 8, 8}, 41.5F);
  EXPECT_TRUE(torch::allclose(resample_image(same, grid),
                              torch::full({2, grid.size[0], grid.size[1], grid.size[2]}, 41.5F)));
}

TEST(Resample, LabelsThereAndBackAreTheSameAndNoLabelIsMadeUp) {
  torch::Tensor labels = torch::zeros({12, 12, 12}, torch::kUInt8);
  labels.narrow(0, 2, 8).narrow(1, 2, 8).narrow(2, 2, 8).fill_(7);
  labels.narrow(0, 4, 4).narrow(1, 4, 4).narrow(2, 4, 4).fill_(2);
  const Grid fine = grid_of({12, 12, 12}, {1, 1, 1}, {0.5, 0.5, 0.5});
  const torch::Tensor finer = resample_labels(labels, fine);
  EXPECT_EQ(finer.sizes(), (std::vector<std::int64_t>{24, 24, 24}));
  EXPECT_TRUE(finer.eq(0).logical_or(finer.eq(2)).logical_or(finer.eq(7)).all().item<bool>());
  // Blocks keep their size but for rounded corners.
  EXPECT_NEAR(finer.eq(2).sum().item<double>(), 8 * 64, 60);
  const Grid coarse = grid_of({24, 24, 24}, {0.5, 0.5, 0.5}, {1, 1, 1});
  EXPECT_TRUE(torch::equal(resample_labels(finer, coarse), labels));
}

TEST(Resample, AnAxisLeftAloneAndTheOwnSpacingChangeNothing) {
  const torch::Tensor image = torch::randint(0, 999, {1, 3, 4, 5}, torch::kInt16);
  EXPECT_TRUE(torch::equal(resample_image(image, grid_of({3, 4, 5}, {8, 1, 1}, {0, 0, 0})), image));
  EXPECT_TRUE(torch::equal(resample_image(image, grid_of({3, 4, 5}, {8, 1, 1}, {8, 1, 1})), image));
}

TEST(Resample, AWrongSpacingIsRefused) {
  EXPECT_THAT(
      [] {
        grid_of({3, 4, 5}, {8, 1, 1}, {1, 1});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("[spacing] 1 x 1; three lengths")));
  EXPECT_THAT(
      [] {
        grid_of({3, 4, 5}, {8, 1, 1}, {1, -1, 1});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("[spacing] 1 x -1 x 1")));
  EXPECT_THAT(
      [] {
        grid_of({3, 4, 5}, {}, {1, 1, 1});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("unknown")));
}

}  // namespace
}  // namespace medsweep::datasets
