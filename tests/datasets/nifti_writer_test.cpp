#include "datasets/converters/nifti_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datasets/made_nifti.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

torch::Tensor counted(std::vector<std::int64_t> shape, torch::ScalarType type) {
  return (torch::arange(2 * 3 * 4 * 5).narrow(0, 0, shape.size() == 4 ? 120 : 60).reshape(shape) *
          2 % 251)
      .to(type);
}

TEST(NiftiWriter, WhatIsWrittenIsReadBack) {
  const TemporaryFolder folder;
  const std::vector<double> affine{-1.5, 0, 0, 90, 0, 1.25, 0, -12.5, 0, 0, 8, 4};
  for (const char* name : {"a.nii", "a.nii.gz"})
    for (const torch::ScalarType type : {torch::kUInt8, torch::kInt16, torch::kFloat32})
      for (const std::vector<std::int64_t>& shape :
           {std::vector<std::int64_t>{3, 4, 5}, std::vector<std::int64_t>{2, 3, 4, 5}}) {
        const torch::Tensor voxels = counted(shape, type);
        write_nifti(folder / name, {voxels, {8, 1.25, 1.5}, affine});
        const NiftiVolume read =
            shape.size() == 4 ? read_nifti_channels(folder / name) : read_nifti(folder / name);
        EXPECT_TRUE(torch::equal(read.voxels, voxels));
        EXPECT_EQ(read.voxels.scalar_type(), type);
        EXPECT_THAT(read.spacing, ElementsAre(8, 1.25, 1.5));
        EXPECT_EQ(read.affine, affine);
      }
}

TEST(NiftiWriter, AVolumeWithoutAPlaceIsReadBackWithoutOne) {
  const TemporaryFolder folder;
  write_nifti(folder / "a.nii", {counted({3, 4, 5}, torch::kInt16), {8, 1.25, 1.5}, {}});
  EXPECT_TRUE(read_nifti(folder / "a.nii").affine.empty());
  EXPECT_THAT(read_nifti(folder / "a.nii").spacing, ElementsAre(8, 1.25, 1.5));
}

TEST(NiftiWriter, UnitColumnsThatAreSpacingStaySo) {
  const TemporaryFolder folder;
  const std::vector<double> affine{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
  write_nifti(folder / "a.nii", {counted({3, 4, 5}, torch::kInt16), {1, 1, 1}, affine});
  EXPECT_EQ(read_nifti(folder / "a.nii").affine, affine);
  EXPECT_THAT(read_nifti(folder / "a.nii").spacing, ElementsAre(1, 1, 1));
}

TEST(NiftiWriter, TheSameVolumeGivesTheSameBytes) {
  const TemporaryFolder folder;
  const NiftiVolume volume{counted({3, 4, 5}, torch::kInt16), {8, 1.25, 1.5}};
  write_nifti(folder / "a.nii.gz", volume);
  write_nifti(folder / "b.nii.gz", volume);
  EXPECT_EQ(read_file(folder / "a.nii.gz"), read_file(folder / "b.nii.gz"));
}

TEST(NiftiWriter, AnotherTypeOrShapeIsRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(
      [&] {
        write_nifti(folder / "a.nii", NiftiVolume{torch::zeros({3, 4}), {}});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("an array of 3 x 4; 3 or 4 axes")));
  EXPECT_THAT(
      [&] {
        write_nifti(folder / "a.nii", NiftiVolume{torch::zeros({3, 4, 5}, torch::kInt64), {}});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("voxels of type Long")));
  EXPECT_THAT(
      [&] {
        write_nifti(folder / "a.nii", NiftiVolume{torch::zeros({1, 1, 32768}, torch::kUInt8), {}});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("1 to 32767")));
  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace medsweep::datasets
