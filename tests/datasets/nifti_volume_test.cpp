#include "datasets/converters/nifti_volume.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nifti1_io.h>

#include "tests/datasets/made_nifti.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

torch::Tensor made_voxels(torch::ScalarType type) {
  return (torch::arange(2 * 3 * 4).reshape({2, 3, 4}) * 5).to(type);
}

TEST(Nifti, VoxelsStandAsDepthHeightWidth) {
  const TemporaryFolder folder;
  for (const char* name : {"a.nii", "a.nii.gz"})
    for (const torch::ScalarType type : {torch::kUInt8, torch::kInt16, torch::kFloat32}) {
      write_nifti(folder / name, made_voxels(type));
      const NiftiVolume volume = read_nifti(folder / name);
      EXPECT_EQ(volume.voxels.scalar_type(), type);
      EXPECT_TRUE(torch::equal(volume.voxels, made_voxels(type)));
    }
}

TEST(Nifti, SpacingIsPixdimWhereTheAffineOnlyHasDirections) {
  const TemporaryFolder folder;
  write_nifti(folder / "a.nii", made_voxels(torch::kInt16));
  EXPECT_EQ(read_nifti(folder / "a.nii").spacing, (std::vector<double>{10, 1.25, 1.5625}));
}

TEST(Nifti, SpacingIsTheAffinesWhereItHasOne) {
  const TemporaryFolder folder;
  nifti_1_header header = made_header(made_voxels(torch::kInt16));
  header.srow_x[0] = 0;
  header.srow_y[0] = 1.5F;  // x of the voxels runs along y of the world
  header.srow_y[1] = 0;
  header.srow_x[1] = -1.4F;
  header.srow_z[2] = 8;
  write_nifti(folder / "a.nii", made_voxels(torch::kInt16), header);
  EXPECT_EQ(read_nifti(folder / "a.nii").spacing, (std::vector<double>{8, 1.4, 1.5}));
  header.sform_code = 0;  // neither sform nor qform: pixdim
  write_nifti(folder / "a.nii", made_voxels(torch::kInt16), header);
  EXPECT_EQ(read_nifti(folder / "a.nii").spacing, (std::vector<double>{10, 1.25, 1.5625}));
}

TEST(Nifti, SpacingInMicrometresBecomesMillimetres) {
  const TemporaryFolder folder;
  nifti_1_header header = made_header(made_voxels(torch::kInt16));
  header.xyzt_units = 3;
  write_nifti(folder / "a.nii", made_voxels(torch::kInt16), header);
  EXPECT_DOUBLE_EQ(read_nifti(folder / "a.nii").spacing[0], 0.01);
}

TEST(Nifti, ASlopeThatIsNoNumberOrZeroMeansUnscaled) {
  const TemporaryFolder folder;
  nifti_1_header header = made_header(made_voxels(torch::kInt16));
  header.scl_slope = 0;
  header.scl_inter = 7;
  write_nifti(folder / "a.nii", made_voxels(torch::kInt16), header);
  EXPECT_TRUE(torch::equal(read_nifti(folder / "a.nii").voxels, made_voxels(torch::kInt16)));
  header.scl_slope = 0.5;
  write_nifti(folder / "a.nii", made_voxels(torch::kInt16), header);
  EXPECT_TRUE(
      torch::equal(read_nifti(folder / "a.nii").voxels, made_voxels(torch::kFloat32) * 0.5 + 7));
}

TEST(Nifti, WideTypesBecomeTheNarrowestThatHoldsThem) {
  const TemporaryFolder folder;
  write_nifti(folder / "a.nii", made_voxels(torch::kInt32));
  EXPECT_EQ(read_nifti(folder / "a.nii").voxels.scalar_type(), torch::kInt16);
  write_nifti(folder / "a.nii", made_voxels(torch::kInt32) * 1000);
  EXPECT_EQ(read_nifti(folder / "a.nii").voxels.scalar_type(), torch::kFloat32);
  write_nifti(folder / "a.nii", made_voxels(torch::kFloat64));
  EXPECT_TRUE(torch::equal(read_nifti(folder / "a.nii").voxels, made_voxels(torch::kFloat32)));
  const torch::Tensor unsigned_bits = torch::full({2, 3, 4}, -1, torch::kInt16);  // 65535
  nifti_1_header header = made_header(unsigned_bits);
  header.datatype = 512;
  write_nifti(folder / "a.nii", unsigned_bits, header);
  EXPECT_TRUE(torch::equal(read_nifti(folder / "a.nii").voxels, torch::full({2, 3, 4}, 65535.0F)));
}

TEST(Nifti, ATruncatedFileIsAnErrorThatNamesIt) {
  const TemporaryFolder folder;
  for (const char* name : {"a.nii", "a.nii.gz"}) {
    write_nifti(folder / name, torch::randint(0, 999, {4, 30, 30}, torch::kInt16));
    const auto bytes = std::filesystem::file_size(folder / name);
    for (const auto kept : {bytes - 9, bytes / 2, std::uintmax_t{100}}) {
      std::filesystem::resize_file(folder / name, kept);
      EXPECT_THAT([&] { read_nifti(folder / name); },
                  ThrowsMessage<std::runtime_error>(HasSubstr((folder / name).string())))
          << kept << " of " << bytes;
    }
  }
}

TEST(Nifti, AFlippedBitInAGzipFileIsAnError) {
  const TemporaryFolder folder;
  write_nifti(folder / "a.nii.gz", torch::randint(0, 999, {20, 90, 90}, torch::kInt16));
  std::string bytes = read_file(folder / "a.nii.gz");
  bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 1);  // in its checksum
  write_file_atomically(folder / "a.nii.gz", bytes);
  EXPECT_THAT([&] { read_nifti(folder / "a.nii.gz"); },
              ThrowsMessage<std::runtime_error>(HasSubstr("truncated or damaged")));
}

TEST(Nifti, AFileOfSeveralGzipMembersIsReadWhole) {
  const TemporaryFolder folder;
  const torch::Tensor voxels = torch::arange(4 * 30 * 30).reshape({4, 30, 30}).to(torch::kInt16);
  write_nifti(folder / "a.nii", voxels);
  const std::string half = fmt::format(
      "cd {} && (head -c 3000 a.nii | gzip; tail -c +3001 a.nii "
      "| gzip) > b.nii.gz",
      folder.path().string());
  ASSERT_EQ(std::system(half.c_str()), 0);
  EXPECT_TRUE(torch::equal(read_nifti(folder / "b.nii.gz").voxels, voxels));
}

TEST(Nifti, BigEndianFilesReadTheSame) {
  const TemporaryFolder folder;
  const torch::Tensor voxels = made_voxels(torch::kInt16);
  nifti_1_header header = made_header(voxels);
  nifti_1_header swapped = header;
  swap_nifti_header(&swapped, 1);
  const torch::Tensor bytes = voxels.view(torch::kUInt8).reshape({-1, 2}).flip(1).contiguous();
  write_nifti(folder / "a.nii", bytes, swapped);
  EXPECT_TRUE(torch::equal(read_nifti(folder / "a.nii").voxels, voxels));
  EXPECT_EQ(read_nifti(folder / "a.nii").spacing, (std::vector<double>{10, 1.25, 1.5625}));
}

TEST(Nifti, AnotherFileOfTheSameStemIsLeftAlone) {
  const TemporaryFolder folder;
  write_nifti(folder / "a.nii", made_voxels(torch::kInt16) + 1);
  write_nifti(folder / "a.nii.gz", made_voxels(torch::kInt16));
  EXPECT_TRUE(torch::equal(read_nifti(folder / "a.nii.gz").voxels, made_voxels(torch::kInt16)));
}

TEST(Nifti, TimeSeriesAreRefusedByName) {
  const TemporaryFolder folder;
  nifti_1_header header = made_header(made_voxels(torch::kInt16));
  header.dim[0] = 4;
  header.dim[3] = 1;
  header.dim[4] = 2;
  write_nifti(folder / "a_4d.nii", made_voxels(torch::kInt16), header);
  EXPECT_THAT([&] { read_nifti(folder / "a_4d.nii"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("a_4d.nii] 4 axes")));
}

TEST(NiftiLabels, OfAnyTypeAreBytes) {
  const TemporaryFolder folder;
  const torch::Tensor labels = made_voxels(torch::kInt32).remainder(4);
  for (const torch::ScalarType type :
       {torch::kUInt8, torch::kInt16, torch::kFloat32, torch::kFloat64}) {
    write_nifti(folder / "a_gt.nii.gz", labels.to(type));
    EXPECT_TRUE(torch::equal(read_nifti_labels(folder / "a_gt.nii.gz", 3).voxels,
                             labels.to(torch::kUInt8)));
  }
}

TEST(Nifti, TheFourthAxisIsChannelsWhereTheyAreAskedFor) {
  const TemporaryFolder folder;
  const torch::Tensor voxels = torch::arange(2 * 3 * 4 * 5).reshape({2, 3, 4, 5}) * 3;
  write_nifti(folder / "a.nii.gz", voxels.to(torch::kInt16));
  EXPECT_TRUE(
      torch::equal(read_nifti_channels(folder / "a.nii.gz").voxels, voxels.to(torch::kInt16)));
  write_nifti(folder / "b.nii.gz", voxels[1].to(torch::kInt16));
  EXPECT_TRUE(torch::equal(read_nifti_channels(folder / "b.nii.gz").voxels,
                           voxels.narrow(0, 1, 1).to(torch::kInt16)));
}

TEST(Nifti, AnAffineOfDirectionsIsGivenPixdimsLengths) {
  const TemporaryFolder folder;
  nifti_1_header header = made_header(made_voxels(torch::kInt16));
  header.srow_x[3] = 17;
  write_nifti(folder / "a.nii", made_voxels(torch::kInt16), header);
  const std::vector<double> expected{-1.5625, 0, 0, 17, 0, -1.25, 0, 0, 0, 0, 10, 0};
  EXPECT_EQ(read_nifti(folder / "a.nii").affine, expected);
}

TEST(Nifti, AnAffineWithSpacingIsKeptAsItIs) {
  const TemporaryFolder folder;
  nifti_1_header header = made_header(made_voxels(torch::kInt16));
  const std::vector<float> rows{0, -1.4F, 0, 3, 1.5F, 0, 0.1F, -80.5F, 0, 0.2F, 8, 1};
  for (std::size_t i = 0; i < 4; ++i) {
    header.srow_x[i] = rows[i];
    header.srow_y[i] = rows[4 + i];
    header.srow_z[i] = rows[8 + i];
  }
  write_nifti(folder / "a.nii", made_voxels(torch::kInt16), header);
  const std::vector<double> expected{0, -1.4, 0, 3, 1.5, 0, 0.1, -80.5, 0, 0.2, 8, 1};
  EXPECT_EQ(read_nifti(folder / "a.nii").affine, expected);
}

TEST(Nifti, TheAffineIsTheQformWhereThereIsNoSformAndElseUnknown) {
  const TemporaryFolder folder;
  nifti_1_header header = made_header(made_voxels(torch::kInt16));
  header.sform_code = 0;
  header.qform_code = 1;
  header.quatern_d = 1;  // half a turn about z
  header.qoffset_y = 5;
  write_nifti(folder / "a.nii", made_voxels(torch::kInt16), header);
  const std::vector<double> expected{-1.5625, 0, 0, 0, 0, -1.25, 0, 5, 0, 0, 10, 0};
  const NiftiVolume volume = read_nifti(folder / "a.nii");
  ASSERT_EQ(volume.affine.size(), 12u);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(volume.affine[i], expected[i], 1e-6) << i;
  header.qform_code = 0;
  write_nifti(folder / "a.nii", made_voxels(torch::kInt16), header);
  EXPECT_TRUE(read_nifti(folder / "a.nii").affine.empty());
}

TEST(Nifti, AVoxelThatIsNoNumberIsNamed) {
  const TemporaryFolder folder;
  torch::Tensor voxels = torch::zeros({2, 3, 4});
  voxels[1][2][3] = std::nan("");
  write_nifti(folder / "a.nii.gz", voxels);
  const std::string expected =
      fmt::format("[{}] the voxel at x 3, y 2, z 1 is nan; finite numbers are needed",
                  (folder / "a.nii.gz").string());
  EXPECT_THAT([&] { read_nifti(folder / "a.nii.gz"); },
              ThrowsMessage<std::invalid_argument>(expected));
  EXPECT_THAT([&] { read_nifti_codes(folder / "a.nii.gz"); },
              ThrowsMessage<std::invalid_argument>(expected));
}

TEST(NiftiLabels, CodesThatAScaleSlopeMovedAreWholeAgain) {
  const TemporaryFolder folder;
  write_nifti(folder / "a.nii.gz", torch::full({2, 3, 4}, 207.00001, torch::kFloat32));
  EXPECT_TRUE(torch::equal(read_nifti_codes(folder / "a.nii.gz").voxels,
                           torch::full({2, 3, 4}, 207, torch::kInt32)));
  write_nifti(folder / "a.nii.gz", torch::full({2, 3, 4}, 1.5, torch::kFloat32));
  EXPECT_THAT([&] { read_nifti_codes(folder / "a.nii.gz"); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("label 1.5 at x 0, y 0, z 0; whole numbers are allowed")));
}

TEST(NiftiLabels, UnknownOnesAreRefusedByFileAndValue) {
  const TemporaryFolder folder;
  for (const double wrong : {4.0, -1.0}) {
    torch::Tensor labels = torch::zeros({2, 3, 4});
    labels[1][2][3] = wrong;
    write_nifti(folder / "a_gt.nii.gz", labels);
    EXPECT_THAT([&] { read_nifti_labels(folder / "a_gt.nii.gz", 3); },
                ThrowsMessage<std::invalid_argument>(
                    fmt::format("[{}] unknown label {}; 0 to 3 are allowed",
                                (folder / "a_gt.nii.gz").string(), wrong)));
  }
}

}  // namespace
}  // namespace medsweep::datasets
