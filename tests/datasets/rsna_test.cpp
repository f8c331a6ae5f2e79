#include "datasets/converters/rsna.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/files.h"
#include "datasets/converters/conversion.h"
#include "datasets/converters/rsna_table.h"
#include "tests/datasets/made_dicom.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::ThrowsMessage;

const std::string kColumns = "patientId,x,y,width,height,Target\n";

/// Three images of 20 x 30: a with two boxes, b with none, c with one.
class Rsna : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_ / "in/stage_2_train_images");
    std::filesystem::create_directories(folder_ / "out");
    write_file_atomically(folder_ / "key", std::string(32, 'k'));
    for (const char* name : {"a", "b", "c"}) MadeDicom(pixels_, "who").write(image(name));
    labels("a,2,3,5.4,4,1\na,10.6,12,12,7,1\nb,,,,,0\nc,0,0,1,1,1\n");
  }
  std::filesystem::path image(const std::string& name) const {
    return folder_ / ("in/stage_2_train_images/" + name + ".dcm");
  }
  void labels(const std::string& rows) const {
    write_file_atomically(folder_ / "in/stage_2_train_labels.csv", kColumns + rows);
  }
  ConverterOptions options() const {
    return {
        .source = folder_ / "in", .output = folder_ / "out/r.h5", .patient_key = folder_ / "key"};
  }
  DataFile converted() {
    report_ = convert("rsna", options());
    return DataFile(folder_ / "out/r.h5");
  }
  template <typename Error>
  void expect_refused(const std::string& reason) {
    EXPECT_THAT([&] { converted(); }, ThrowsMessage<Error>(HasSubstr(reason)));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out/r.h5"));
  }
  /// Without the bad image, which is listed.
  void expect_skipped(const std::string& reason, std::size_t left) {
    ConverterOptions skipping = options();
    skipping.on_bad = ConverterOptions::OnBad::kSkip;
    const ConverterReport report = convert("rsna", skipping);
    EXPECT_THAT(report.skipped, ElementsAre(HasSubstr(reason)));
    EXPECT_EQ(DataFile(folder_ / "out/r.h5").samples().size(), left);
  }
  torch::Tensor pixels_ = (torch::arange(600).reshape({20, 30}) % 251).to(torch::kUInt8);
  TemporaryFolder folder_;
  ConverterReport report_;
};

TEST_F(Rsna, BoxesAreObjectsWithMasksAndALabelMap) {
  const DataFile file = converted();
  EXPECT_THAT(file.classes(), ElementsAre("lung_opacity"));
  const RawSample sample = file.read(0);
  EXPECT_EQ(sample.id.name, "a");
  EXPECT_EQ(sample.id.group, "lung_opacity");
  EXPECT_EQ(sample.id.source, "stage_2_train_images");
  EXPECT_TRUE(torch::equal(sample.image[0], pixels_));
  const torch::Tensor boxes = torch::tensor({{2.F, 3.F, 7.4F, 7.F}, {10.6F, 12.F, 22.6F, 19.F}});
  EXPECT_TRUE(torch::allclose(sample.instances.boxes, boxes));
  torch::Tensor masks = torch::zeros({2, 20, 30}, torch::kUInt8);
  masks[0].slice(0, 3, 7).slice(1, 2, 7).fill_(1);
  masks[1].slice(0, 12, 19).slice(1, 11, 23).fill_(1);
  EXPECT_TRUE(torch::equal(sample.instances.masks, masks));
  EXPECT_TRUE(torch::equal(sample.labels, std::get<0>(masks.max(0))));
  EXPECT_TRUE(sample.instances.labels.eq(1).all().item<bool>());
}

TEST_F(Rsna, ImagesWithoutBoxesAreNegatives) {
  const RawSample sample = converted().read(1);
  EXPECT_EQ(sample.id.name, "b");
  EXPECT_EQ(sample.id.group, "no_lung_opacity");
  ASSERT_TRUE(sample.instances.defined());
  EXPECT_EQ(sample.instances.boxes.size(0), 0);
  EXPECT_EQ(sample.labels.sum().item<int>(), 0);
}

TEST_F(Rsna, TheSmallestBoxHasAPixel) {
  labels("a,4.6,4.6,0.2,0.2,1\nb,29.8,19.9,0.2,0.1,1\nc,,,,,0\n");
  const DataFile file = converted();
  EXPECT_EQ(file.read(0).instances.masks.sum().item<int>(), 1);
  EXPECT_EQ(file.read(1).instances.masks[0][19][29].item<int>(), 1);
}

TEST_F(Rsna, TheClassInfoIsTheGroup) {
  write_file_atomically(folder_ / "in/stage_2_detailed_class_info.csv",
                        "patientId,class\r\na,Lung Opacity\r\na,Lung Opacity\r\n"
                        "b,No Lung Opacity / Not Normal\r\n");
  const DataFile file = converted();
  EXPECT_EQ(file.samples()[0].group, "lung_opacity");
  EXPECT_EQ(file.samples()[1].group, "no_lung_opacity_not_normal");
  EXPECT_EQ(file.samples()[2].group, "lung_opacity");  // unknown: by its box
}

TEST_F(Rsna, PatientsAreHashesOfTheHeadersOrElseOfTheTables) {
  MadeDicom(pixels_, "").write(image("c"));
  const DataFile file = converted();
  const PatientHash hash(options());
  EXPECT_EQ(file.samples()[0].patient, hash("who"));
  EXPECT_EQ(file.samples()[1].patient, hash("who"));
  EXPECT_EQ(file.samples()[2].patient, hash("c"));
  EXPECT_THAT(read_file(folder_ / "out/r.h5"), Not(HasSubstr("who")));
}

TEST_F(Rsna, WithoutAKeyTheHashIsKeptUntilTheEndOnly) {
  ConverterOptions random = options();
  random.patient_key.clear();
  convert("rsna", random);
  const std::string first = DataFile(random.output).samples()[0].patient;
  EXPECT_THAT(first, MatchesRegex("~[0-9a-f]{20}"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/r.h5.partial"));
  convert("rsna", random);
  EXPECT_NE(DataFile(random.output).samples()[0].patient, first);
}

TEST_F(Rsna, DuplicateRowsCountOnce) {
  labels("a,2,3,5,4,1\na,2,3,5,4,1\nb,,,,,0\nb,,,,,0\nc,,,,,0\n");
  const DataFile file = converted();
  EXPECT_EQ(file.read(0).instances.boxes.size(0), 1);
  EXPECT_THAT(report_.notes, Contains(AllOf(HasSubstr("2 rows stand twice"),
                                            HasSubstr("stage_2_train_labels.csv, line 3]"))));
}

TEST_F(Rsna, RowsWithoutFileAndFilesWithoutRowAreNoted) {
  labels("a,2,3,5,4,1\nb,,,,,0\nz,,,,,0\n");
  EXPECT_EQ(converted().samples().size(), 2u);
  EXPECT_THAT(report_.notes, Contains(HasSubstr("1 images of the table have no file")));
  EXPECT_THAT(report_.notes,
              Contains(AllOf(HasSubstr("1 images have no sound row"), HasSubstr("c.dcm"))));
}

TEST_F(Rsna, ABoxOutsideTheImageIsNamed) {
  const std::string reason =
      "stage_2_train_labels.csv, line 3] a box from 2, 3 to 7, 23; within "
      "the 30 x 20 pixels of b.dcm is allowed";
  labels("a,2,3,5,4,1\nb,2,3,5,20,1\nc,,,,,0\n");
  expect_refused<std::invalid_argument>(reason);
  expect_skipped(reason, 2);
}

TEST_F(Rsna, ABoxThatReachesOutByLessThanAPixelIsCut) {
  labels("a,-0.5,3,5,17.9,1\nb,,,,,0\nc,,,,,0\n");
  EXPECT_TRUE(torch::allclose(converted().read(0).instances.boxes,
                              torch::tensor({{0.F, 3.F, 4.5F, 20.F}})));
}

TEST_F(Rsna, RowsThatContradictAreNamed) {
  const std::map<std::string, std::string> cases{
      {"a,2,3,5,4,1\nb,,,,,1\n", "line 3] Target 1 without a box"},
      {"a,2,3,5,4,1\nb,1,,,,0\n", "line 3] a box, but Target 0"},
      {"a,2,3,5,4,1\nb,1,1,0,4,1\n", "line 3] a box of 0 x 4"},
      {"a,2,3,5,4,1\nb,1,1,x,4,1\n", "line 3] column width: 'x'; a number is allowed"},
      {"a,2,3,5,4,1\nb,1,1,3,4,2\n", "line 3] its Target is neither 0 nor 1"},
      {"a,2,3,5,4,1\nb,1,1,3,4,1\nb,,,,,0\n", "line 4] its Target contradicts an earlier row"}};
  for (const auto& [rows, reason] : cases) {
    labels(rows);
    expect_refused<std::invalid_argument>(reason);
    expect_skipped(reason, 1);
    std::filesystem::remove(folder_ / "out/r.h5");
  }
}

TEST_F(Rsna, ClassesThatContradictAreNamed) {
  write_file_atomically(folder_ / "in/stage_2_detailed_class_info.csv",
                        "patientId,class\na,Lung Opacity\na,Normal\n");
  expect_refused<std::invalid_argument>(
      "stage_2_detailed_class_info.csv, line 3] its class contradicts an earlier row");
}

TEST_F(Rsna, WhatIsMissingIsNamed) {
  write_file_atomically(folder_ / "in/stage_2_train_labels.csv", "patientId,x\na,1\n");
  expect_refused<std::invalid_argument>("stage_2_train_labels.csv] no column y");
  std::filesystem::remove(folder_ / "in/stage_2_train_labels.csv");
  expect_refused<std::invalid_argument>("stage_2_train_labels.csv] no such file");
  for (const char* name : {"a", "b", "c"}) std::filesystem::remove(image(name));
  expect_refused<std::invalid_argument>("/in] no images; stage_2_train_images/*.dcm");
}

TEST_F(Rsna, ADamagedImageIsNamedOrSkipped) {
  std::filesystem::resize_file(image("b"), 500);
  expect_refused<std::runtime_error>("b.dcm] cannot be read as DICOM");
  expect_skipped("b.dcm] cannot be read as DICOM", 2);
}

TEST_F(Rsna, TextsInPixelsAreNoted) {
  MadeDicom(pixels_).put(DCM_BurnedInAnnotation, "YES").write(image("b"));
  converted();
  EXPECT_THAT(report_.notes, Contains(AllOf(HasSubstr("1 images say that texts are drawn into"),
                                            HasSubstr("(b.dcm)"))));
}

TEST_F(Rsna, AnnotationsNameAnotherTable) {
  write_file_atomically(folder_ / "other.csv", kColumns + "c,1,1,3,4,1\n");
  ConverterOptions other = options();
  other.annotations = folder_ / "other.csv";
  convert("rsna", other);
  EXPECT_EQ(DataFile(other.output).samples().size(), 1u);
}

TEST(RsnaReal, TheWholeTable) {
  const std::filesystem::path path = real_data("rsna/native/stage_2_train_labels_full.csv");
  if (path.empty()) GTEST_SKIP() << "the real RSNA labels are absent (MEDSWEEP_TEST_DATA)";
  const RsnaTable table = read_rsna_table(path, {});
  EXPECT_EQ(table.images.size(), 26684u);
  EXPECT_EQ(table.boxes, 9555);
  EXPECT_EQ(table.duplicates, 0);
  EXPECT_THAT(table.errors, IsEmpty());
  EXPECT_EQ(std::ranges::count(table.images, true, &RsnaImage::opacity), 6012);
}

TEST(RsnaReal, ConvertsAsDistributed) {
  const std::filesystem::path source = real_data("rsna");
  if (source.empty()) GTEST_SKIP() << "the real RSNA images are absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  convert("rsna", {.source = source, .output = folder / "r.h5"});
  const DataFile file(folder / "r.h5");
  ASSERT_EQ(file.samples().size(), 67u);
  std::int64_t boxes = 0;
  std::set<std::string> patients;
  for (std::int64_t i = 0; i < 67; ++i) {
    const RawSample sample = file.read(i);
    boxes += sample.instances.boxes.size(0);
    patients.insert(sample.id.patient);
    EXPECT_EQ(sample.instances.boxes.size(0) > 0, sample.id.group == "lung_opacity");
    EXPECT_THAT(sample.id.spacing, ElementsAre(1, 0.168, 0.168));
  }
  EXPECT_EQ(patients.size(), 67u);
  const RsnaTable table = read_rsna_table(source / "stage_2_train_labels.csv", {});
  EXPECT_EQ(boxes, table.boxes);
}

}  // namespace
}  // namespace medsweep::datasets
