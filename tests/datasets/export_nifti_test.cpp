#include "datasets/export_nifti.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "datasets/converters/converters.h"
#include "datasets/converters/nifti_volume.h"
#include "datasets/export_nnunet.h"
#include "tests/datasets/made_volumes.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

ConverterReport acdc_of(const std::filesystem::path& source, const std::filesystem::path& output,
                        std::int64_t dimension) {
  return convert("acdc", {.source = source, .output = output, .dimension = dimension});
}

TEST(ExportNifti, SlicesAndVolumesComeBackVoxelForVoxel) {
  const TemporaryFolder folder;
  write_made_patient(folder / "in", 1, "ED", "ES");
  const std::filesystem::path source = folder / "in/training/patient001";
  for (const std::int64_t dimension : {2, 3}) {
    acdc_of(folder / "in", folder / "a.h5", dimension);
    const std::filesystem::path out = folder / ("out" + std::to_string(dimension));
    std::filesystem::create_directory(out);
    const ExportReport report = export_nifti(DataFile(folder / "a.h5"), out, {});
    EXPECT_EQ(report.samples, dimension == 2 ? 6 : 2);
    EXPECT_EQ(report.files, 5);  // two images, two of labels, labels.csv
    for (const char* name : {"patient001_ED", "patient001_ES"}) {
      const NiftiVolume image = read_nifti(out / "images" / (std::string(name) + ".nii.gz"));
      const NiftiVolume expected = read_nifti(source / (std::string(name) + ".nii.gz"));
      EXPECT_TRUE(torch::equal(image.voxels, expected.voxels));
      EXPECT_EQ(image.voxels.scalar_type(), torch::kInt16);
      EXPECT_EQ(image.spacing, expected.spacing);
      EXPECT_EQ(image.affine, expected.affine);
      EXPECT_TRUE(torch::equal(read_nifti(out / "labels" / (std::string(name) + ".nii.gz")).voxels,
                               read_nifti(source / (std::string(name) + "_gt.nii.gz")).voxels));
    }
  }
}

/// A volume of two channels, an oblique affine, sparse codes, a field of view.
RawSample oblique_sample() {
  RawSample sample;
  sample.image = made_volume({2, 3, 4, 5}, 1, torch::kFloat32) / 7;
  sample.labels = torch::arange(60).remainder(3).reshape({3, 4, 5}).to(torch::kUInt8);
  sample.field_of_view = sample.labels.ne(1).to(torch::kUInt8);
  sample.id.name = sample.id.case_name = sample.id.patient = "a/b";
  sample.id.case_name = "b";
  sample.id.spacing = {3, 2, 1};
  // 30 degrees about z.
  sample.id.affine = {0.8660254, -1, 0, -12.5, 0.5, 1.7320508, 0, 7, 0, 0, 3, 100.25};
  sample.id.fold = 1;
  return sample;
}

DataFileHeader oblique_header() {
  return {.name = "oblique",
          .classes = {"ventricle", "pole"},
          .channels = 2,
          .dimension = 3,
          .label_codes = {4, 2035}};
}

TEST(ExportNifti, ObliqueVolumesKeepTheirPlaceChannelsAndCodes) {
  const TemporaryFolder folder;
  {
    DataFileWriter writer(folder / "a.h5", oblique_header());
    writer.add(oblique_sample());
    writer.finish();
  }
  std::filesystem::create_directory(folder / "out");
  export_nifti(DataFile(folder / "a.h5"), folder / "out", {});
  const NiftiVolume image = read_nifti_channels(folder / "out/images/a_b.nii.gz");
  EXPECT_TRUE(torch::equal(image.voxels, oblique_sample().image));
  EXPECT_EQ(image.affine, oblique_sample().id.affine);
  const NiftiVolume labels = read_nifti_codes(folder / "out/labels/a_b.nii.gz");
  EXPECT_TRUE(torch::equal(labels.voxels.eq(2035), oblique_sample().labels.eq(2)));
  EXPECT_TRUE(torch::equal(labels.voxels.eq(4), oblique_sample().labels.eq(1)));
  EXPECT_EQ(labels.affine, oblique_sample().id.affine);
  EXPECT_TRUE(torch::equal(read_nifti(folder / "out/field_of_view/a_b.nii.gz").voxels,
                           oblique_sample().field_of_view));
  EXPECT_EQ(read_file(folder / "out/labels.csv"), "code,name\n4,ventricle\n2035,pole\n");
}

TEST(ExportNifti, WhatIsExportedIsConvertedBack) {
  const TemporaryFolder folder;
  write_made_patient(folder / "in", 1, "ED", "ES");
  acdc_of(folder / "in", folder / "a.h5", 3);
  std::filesystem::create_directory(folder / "out");
  export_nifti(DataFile(folder / "a.h5"), folder / "out", {});
  convert("nifti", {.source = folder / "out",
                    .output = folder / "b.h5",
                    .images = "images/*.nii.gz",
                    .labels = "labels/*.nii.gz",
                    .label_map = folder / "out/labels.csv",
                    .patient = "^([^_]+)"});
  const DataFile first(folder / "a.h5"), second(folder / "b.h5");
  ASSERT_EQ(second.samples().size(), 2u);
  EXPECT_EQ(second.classes(), first.classes());
  for (std::int64_t i = 0; i < 2; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_EQ(second.samples()[at].affine, first.samples()[at].affine);
    EXPECT_EQ(second.samples()[at].patient, first.samples()[at].patient);
    EXPECT_TRUE(torch::equal(second.read(i).image, first.read(i).image));
    EXPECT_TRUE(torch::equal(second.read(i).labels, first.read(i).labels));
  }
}

TEST(ExportNifti, ACaseThatLacksASliceIsRefused) {
  const TemporaryFolder folder;
  {
    DataFileWriter writer(folder / "a.h5", {.name = "made", .classes = {"rv", "myo", "lv"}});
    RawSample sample = made_sample(0);
    sample.id.slice = 0;
    writer.add(sample);
    sample.id.slice = 2;
    sample.id.name = "case0_ED/2";
    writer.add(sample);
    writer.finish();
  }
  std::filesystem::create_directory(folder / "out");
  EXPECT_THAT([&] { export_nifti(DataFile(folder / "a.h5"), folder / "out", {}); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("case case0_ED: slice 2 follows 0; consecutive slices are needed")));
}

TEST(ExportNifti, TheRealPatientWithADirectionsOnlyAffineKeepsPixdim) {
  const std::filesystem::path source = real_data("acdc");
  if (source.empty()) GTEST_SKIP() << "the real ACDC patients are absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  acdc_of(source / "native", folder / "a.h5", 2);
  std::filesystem::create_directory(folder / "out");
  export_nifti(DataFile(folder / "a.h5"), folder / "out", {});
  const NiftiVolume made = read_nifti(folder / "out/images/patient139_ED.nii.gz");
  const NiftiVolume given = read_nifti(source / "native/patient139/patient139_ED.nii.gz");
  EXPECT_TRUE(torch::equal(made.voxels, given.voxels));
  EXPECT_THAT(made.spacing, ElementsAre(5, 1.68269, 1.68269));
  EXPECT_THAT(made.affine, ElementsAre(-1.68269, 0, 0, 0, 0, -1.68269, 0, 0, 0, 0, 5, 0));
}

TEST(ExportNnunet, ComesBackAsItWas) {
  const TemporaryFolder folder;
  {
    DataFileWriter writer(folder / "a.h5", oblique_header());
    RawSample sample = oblique_sample();
    writer.add(sample);
    sample.id.name = sample.id.case_name = "c";
    sample.id.source = "test";
    sample.id.fold = -1;
    writer.add(sample);
    writer.finish();
  }
  std::filesystem::create_directory(folder / "out");
  export_nnunet(DataFile(folder / "a.h5"), folder / "out", {});
  EXPECT_TRUE(std::filesystem::exists(folder / "out/imagesTr/a_b_0001.nii.gz"));
  EXPECT_TRUE(std::filesystem::exists(folder / "out/labelsTs/c.nii.gz"));
  convert("nnunet", {.source = folder / "out", .output = folder / "b.h5"});
  const DataFile file(folder / "b.h5");
  EXPECT_THAT(file.classes(), ElementsAre("ventricle", "pole"));
  ASSERT_EQ(file.samples().size(), 2u);
  EXPECT_EQ(file.samples()[0].affine, oblique_sample().id.affine);
  EXPECT_EQ(file.samples()[0].fold, 0);  // splits_final.json has the folds that there are
  EXPECT_EQ(file.samples()[1].source, "test");
  const RawSample back = file.read(0);
  EXPECT_TRUE(torch::equal(back.image, oblique_sample().image));
  EXPECT_TRUE(torch::equal(back.field_of_view, oblique_sample().field_of_view));
  EXPECT_TRUE(torch::equal(back.labels, oblique_sample().labels * oblique_sample().field_of_view));
}

nlohmann::json description_with(const std::vector<Region>& regions, ExportReport& report) {
  const TemporaryFolder folder;
  {
    DataFileWriter writer(
        folder / "a.h5",
        {.name = "tumours", .classes = {"ncr", "ed", "et"}, .dimension = 3, .regions = regions});
    RawSample sample = oblique_sample();
    sample.image = sample.image.narrow(0, 0, 1);
    sample.field_of_view = torch::Tensor();
    writer.add(sample);
    writer.finish();
  }
  std::filesystem::create_directory(folder / "out");
  report = export_nnunet(DataFile(folder / "a.h5"), folder / "out", {});
  return nlohmann::json::parse(read_file(folder / "out/dataset.json"));
}

TEST(ExportNnunet, RegionsWithinOneAnotherAreWrittenWithTheOrderThatPaintsThem) {
  ExportReport report;
  const auto made = description_with({{"wt", {1, 2, 3}}, {"tc", {1, 3}}, {"et", {3}}}, report);
  EXPECT_EQ(made["labels"]["wt"], (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(made["labels"]["et"], (std::vector<int>{3}));
  EXPECT_EQ(made["regions_class_order"], (std::vector<int>{2, 1, 3}));  // ed, ncr, et
  EXPECT_THAT(report.notes, IsEmpty());
}

TEST(ExportNnunet, RegionsThatCrossAreLeftOutWithANote) {
  ExportReport report;
  const auto made = description_with({{"a", {1, 2}}, {"b", {2, 3}}}, report);
  EXPECT_FALSE(made.contains("regions_class_order"));
  EXPECT_EQ(made["labels"]["et"], 3);
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("regions do not lie within one another")));
}

}  // namespace
}  // namespace medsweep::datasets
