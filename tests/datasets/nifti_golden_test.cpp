#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "datasets/converters/nifti_volume.h"

namespace medsweep::datasets {
namespace {

/// tests/golden/nifti.py wrote the files and the numbers with nibabel.
class NiftiOfNibabel : public testing::TestWithParam<const char*> {
 protected:
  const std::filesystem::path folder_ =
      std::filesystem::path(MEDSWEEP_SOURCE_DIR) / "tests/golden/nifti";
};

TEST_P(NiftiOfNibabel, HasTheVoxelsSpacingAndAffineThatNibabelReads) {
  std::ifstream numbers(folder_ / "expected.json");
  const nlohmann::json expected = nlohmann::json::parse(numbers)[GetParam()];
  const NiftiVolume volume = read_nifti_channels(folder_ / (std::string(GetParam()) + ".nii.gz"));
  auto shape = expected["shape"].get<std::vector<std::int64_t>>();
  if (shape.size() == 3) shape.insert(shape.begin(), 1);
  const torch::Tensor values =
      torch::tensor(expected["values"].get<std::vector<float>>()).reshape(shape);
  ASSERT_EQ(volume.voxels.sizes(), values.sizes());
  EXPECT_TRUE(torch::allclose(volume.voxels.to(torch::kFloat32), values, 1e-6, 1e-6));
  const auto affine = expected["affine"].get<std::vector<double>>();
  ASSERT_EQ(volume.affine.size(), affine.size());
  for (std::size_t i = 0; i < affine.size(); ++i)
    EXPECT_NEAR(volume.affine[i], affine[i], 2e-6) << i;
  const auto zooms = expected["zooms"].get<std::vector<double>>();
  for (std::size_t axis = 0; axis < 3; ++axis)
    EXPECT_NEAR(volume.spacing[axis], zooms[2 - axis], 2e-6) << axis;
}

INSTANTIATE_TEST_SUITE_P(Files, NiftiOfNibabel,
                         testing::Values("oblique", "qform", "scaled", "channels"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace medsweep::datasets
