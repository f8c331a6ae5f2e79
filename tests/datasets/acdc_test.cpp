#include "datasets/converters/acdc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/datasets/made_nifti.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::ThrowsMessage;

std::vector<std::string> case_names(const DataFile& file) {
  std::set<std::string> names;
  for (const SampleId& id : file.samples()) names.insert(id.case_name);
  return {names.begin(), names.end()};
}

/// Two good patients, to be damaged.
class Acdc : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_ / "in");
    std::filesystem::create_directory(folder_ / "out");
    write_made_patient(folder_ / "in", 1);
    write_made_patient(folder_ / "in", 2, "ED", "ES");
  }
  std::filesystem::path file(const std::string& name) const {
    return folder_ / "in" / "training" / name;
  }
  DataFile converted(std::int64_t dimension = 0, const std::vector<double>& spacing = {}) const {
    convert("acdc", {.source = folder_ / "in",
                     .output = folder_ / "out" / "a.h5",
                     .dimension = dimension,
                     .spacing = spacing});
    return DataFile(folder_ / "out" / "a.h5");
  }
  /// The conversion fails as `matcher` says, and there is no data file.
  template <typename Error, typename Matcher>
  void expect_refused(Matcher matcher) const {
    EXPECT_THAT([&] { converted(); }, ThrowsMessage<Error>(matcher));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out" / "a.h5"));
  }
  TemporaryFolder folder_;
};

TEST_F(Acdc, EverySliceIsASampleUnderBothOfTheChallengesNames) {
  const DataFile file = converted();
  EXPECT_THAT(file.classes(), ElementsAre("rv", "myo", "lv"));
  ASSERT_EQ(file.samples().size(), 12u);
  EXPECT_THAT(case_names(file), ElementsAre("patient001_frame01", "patient001_frame12",
                                            "patient002_ED", "patient002_ES"));
  const SampleId id = file.samples()[8];
  EXPECT_EQ(id.name, "patient002_ED/2");
  EXPECT_EQ(id.patient, "patient002");
  EXPECT_EQ(id.source, "training");
  EXPECT_EQ(id.slice, 2);
  EXPECT_THAT(id.spacing, ElementsAre(10, 1.25, 1.5625));
  const torch::Tensor voxels = torch::arange(3 * 24 * 20).reshape({3, 24, 20}) * 5 % 997;
  EXPECT_TRUE(torch::equal(file.read(8).image[0], voxels[2].to(torch::kInt16)));
  EXPECT_TRUE(torch::equal(file.read(8).labels, voxels[2].remainder(4).to(torch::kUInt8)));
}

TEST_F(Acdc, InfoGivesGroupAndPhasesAndNothingElse) {
  write_file_atomically(file("patient001/Info.cfg"),
                        "ED: 12\r\nES: 1\r\nGroup: DCM\r\nHeight: 184.0\r\nNbFrame: 30\r\n"
                        "Weight: 95.0\r\n");
  const DataFile file = converted();
  EXPECT_THAT(case_names(file),
              ElementsAre("patient001_ED", "patient001_ES", "patient002_ED", "patient002_ES"));
  EXPECT_EQ(file.samples()[0].case_name, "patient001_ES");  // frame 1
  EXPECT_EQ(file.samples()[0].group, "DCM");
  EXPECT_EQ(file.samples()[6].group, "");
  EXPECT_THAT(read_file(folder_ / "out" / "a.h5"), Not(HasSubstr("184.0")));
}

TEST_F(Acdc, SlicesKnowWhereTheirVolumeLies) {
  const DataFile file = converted();
  const std::vector<double> expected{-1.5625, 0, 0, 0, 0, -1.25, 0, 0, 0, 0, 10, 0};
  EXPECT_EQ(file.samples()[0].affine, expected);
  EXPECT_EQ(file.samples()[2].affine, expected);
}

TEST_F(Acdc, VolumesAreSamplesOfThreeDimensions) {
  const DataFile file = converted(3);
  EXPECT_EQ(file.header().dimension, 3);
  ASSERT_EQ(file.samples().size(), 4u);
  EXPECT_EQ(file.samples()[2].name, "patient002_ED");
  const torch::Tensor voxels = torch::arange(3 * 24 * 20).reshape({1, 3, 24, 20}) * 5 % 997;
  EXPECT_TRUE(torch::equal(file.read(2).image, voxels.to(torch::kInt16)));
  EXPECT_TRUE(torch::equal(file.read(2).labels, voxels[0].remainder(4).to(torch::kUInt8)));
}

TEST_F(Acdc, SpacingIsWhatIsAskedFor) {
  const DataFile file = converted(2, {0, 2.5, 2.5});
  ASSERT_EQ(file.samples().size(), 12u);
  EXPECT_EQ(file.sizes()[0], (Extent{.height = 12, .width = 13}));  // 24 x 1.25 and 20 x 1.5625 mm
  EXPECT_THAT(file.samples()[0].spacing, ElementsAre(10, 2.5, 2.5));
  EXPECT_DOUBLE_EQ(file.samples()[0].affine[0], -2.5);
  EXPECT_LE(file.read(0).labels.max().item<int>(), 3);
}

TEST_F(Acdc, EmptySlicesAreKeptAndMarked) {
  torch::Tensor labels = torch::zeros({3, 24, 20}, torch::kUInt8);
  labels[1].fill_(2);
  write_nifti(file("patient002/patient002_ED_gt.nii.gz"), labels);
  const DataFile file = converted();
  EXPECT_EQ(file.foreground()[6], 0);
  EXPECT_EQ(file.foreground()[7], 24 * 20);
}

TEST_F(Acdc, PatientsAreHashedWhereThereIsAKey) {
  write_file_atomically(folder_ / "key", "0123456789abcdef");
  ConverterOptions options{.source = folder_ / "in", .output = folder_ / "out" / "a.h5"};
  options.patient_key = folder_ / "key";
  convert("acdc", options);
  const DataFile file(folder_ / "out" / "a.h5");
  EXPECT_THAT(file.samples()[0].patient, testing::MatchesRegex("~[0-9a-f]{20}"));
  EXPECT_EQ(file.samples()[0].patient, file.samples()[3].patient);
  EXPECT_NE(file.samples()[0].patient, file.samples()[6].patient);
}

TEST_F(Acdc, BadFramesAreLeftOutWhereThatIsAsked) {
  std::filesystem::resize_file(file("patient002/patient002_ES.nii.gz"), 600);
  std::filesystem::remove(file("patient001/patient001_frame12_gt.nii.gz"));
  const ConverterReport report = convert("acdc", {.source = folder_ / "in",
                                                  .output = folder_ / "out" / "a.h5",
                                                  .on_bad = ConverterOptions::OnBad::kSkip});
  EXPECT_THAT(report.skipped,
              testing::UnorderedElementsAre(HasSubstr("patient001_frame12.nii.gz] has no mask"),
                                            HasSubstr("patient002_ES: [")));
  EXPECT_THAT(case_names(DataFile(folder_ / "out" / "a.h5")), ElementsAre("patient002_ED"));
}

TEST_F(Acdc, AxesThatRunOtherwiseAreNamed) {
  const torch::Tensor labels = torch::zeros({3, 24, 20}, torch::kUInt8);
  nifti_1_header header = made_header(labels);
  header.srow_x[0] = 1;
  write_nifti(file("patient002/patient002_ES_gt.nii.gz"), labels, header);
  expect_refused<std::invalid_argument>(
      HasSubstr("patient002_ES_gt.nii.gz] its axes run in other directions than those of its image "
                "patient002_ES.nii.gz"));
}

TEST_F(Acdc, NothingOfHeadersOrFoldersGetsIntoTheFile) {
  converted();
  EXPECT_THAT(read_file(folder_ / "out" / "a.h5"),
              AllOf(Not(HasSubstr("Jane Doe")), Not(HasSubstr(folder_.path().string()))));
}

TEST_F(Acdc, TheCineIsLeftAlone) {
  write_nifti(file("patient001/patient001_4d.nii.gz"), torch::zeros({3, 24, 20}, torch::kInt16));
  EXPECT_EQ(converted().samples().size(), 12u);
}

TEST_F(Acdc, AMissingMaskIsNamed) {
  std::filesystem::remove(file("patient001/patient001_frame12_gt.nii.gz"));
  expect_refused<std::invalid_argument>(
      AllOf(HasSubstr("patient001_frame12.nii.gz] has no mask"),
            HasSubstr("patient001_frame12_gt.nii.gz is missing")));
}

TEST_F(Acdc, AMissingImageIsNamed) {
  std::filesystem::remove(file("patient001/patient001_frame12.nii.gz"));
  expect_refused<std::invalid_argument>(HasSubstr("patient001_frame12_gt.nii.gz] has no image"));
}

TEST_F(Acdc, ATruncatedFileIsNamed) {
  std::filesystem::resize_file(file("patient002/patient002_ES.nii.gz"), 600);
  expect_refused<std::runtime_error>(HasSubstr("patient002_ES.nii.gz]"));
}

TEST_F(Acdc, SizesThatDisagreeAreNamed) {
  write_nifti(file("patient002/patient002_ES_gt.nii.gz"), torch::zeros({3, 20, 24}, torch::kUInt8));
  expect_refused<std::invalid_argument>(
      HasSubstr("patient002_ES_gt.nii.gz] 3 x 20 x 24 voxels, but its image "
                "patient002_ES.nii.gz has 3 x 24 x 20; equal sizes are needed"));
}

TEST_F(Acdc, AnUnknownLabelIsNamed) {
  write_nifti(file("patient002/patient002_ES_gt.nii.gz"),
              torch::full({3, 24, 20}, 4, torch::kUInt8));
  expect_refused<std::invalid_argument>(HasSubstr(
      "patient002_ES_gt.nii.gz] unknown label 4 at x 0, y 0, z 0; 0, 1, 2, 3 are allowed"));
}

TEST_F(Acdc, AnImageWithInfiniteValuesIsNamed) {
  torch::Tensor image = torch::zeros({3, 24, 20});
  nifti_1_header header = made_header(image);
  header.scl_slope = 3e38F;
  header.scl_inter = 0;
  image[1][2][3] = 3e38F;
  write_nifti(file("patient002/patient002_ES.nii.gz"), image, header);
  expect_refused<std::invalid_argument>(AllOf(
      HasSubstr("patient002_ES.nii.gz]"), HasSubstr("the voxel at x 3, y 2, z 1 is inf; finite")));
}

TEST_F(Acdc, AnEmptyFolderIsNamed) {
  std::filesystem::remove_all(folder_ / "in");
  std::filesystem::create_directories(folder_ / "in");
  expect_refused<std::invalid_argument>(HasSubstr("/in] no folders patientNNN in it"));
  std::filesystem::create_directories(file("patient007"));
  expect_refused<std::invalid_argument>(HasSubstr("patient007] no frames in it"));
}

TEST_F(Acdc, ABadInfoIsNamed) {
  write_file_atomically(file("patient001/Info.cfg"), "ED: first\n");
  expect_refused<std::invalid_argument>(HasSubstr("Info.cfg] frame 'first'; a number is allowed"));
}

TEST(AcdcReal, ConvertsAsDistributed) {
  const std::filesystem::path source = real_data("acdc");
  if (source.empty()) GTEST_SKIP() << "the real ACDC patients are absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  const ConverterReport report = convert("acdc", {.source = source, .output = folder / "acdc.h5"});
  const DataFile file(folder / "acdc.h5");
  EXPECT_EQ(report.digest, file.digest());
  EXPECT_EQ(case_names(file).size(), 32u);
  std::map<std::string, std::int64_t> sources;
  for (const SampleId& id : file.samples()) ++sources[id.source];
  EXPECT_EQ(sources["patient139"], 0);
  EXPECT_EQ(sources["native"], 32);  // 16 slices, ED and ES
  const SampleId native = file.samples()[0];
  EXPECT_EQ(native.name, "patient139_ED/0");
  EXPECT_THAT(native.spacing, ElementsAre(5, 1.68269, 1.68269));
  EXPECT_EQ(file.read(0).image.scalar_type(), torch::kFloat32);
  EXPECT_EQ(file.read(40).image.scalar_type(), torch::kInt16);
}

}  // namespace
}  // namespace medsweep::datasets
