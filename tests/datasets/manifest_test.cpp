#include "datasets/converters/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/files.h"
#include "datasets/converters/conversion.h"
#include "datasets/converters/image_files.h"
#include "tests/datasets/made_dicom.h"
#include "tests/datasets/made_nifti.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::ThrowsMessage;

/// Version 1 of NumPy's format.
void write_npy(const std::filesystem::path& path, const torch::Tensor& values,
               const std::string& type, const std::string& shape) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize(118 - 1, ' ');
  header += '\n';
  std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + '\x76' + '\x00' + header;
  const torch::Tensor dense = values.contiguous();
  bytes.append(static_cast<const char*>(dense.const_data_ptr()), dense.nbytes());
  write_file_atomically(path, bytes);
}

/// Two pictures of 12 x 16 with masks, and a table of them.
class Manifests : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_ / "in/deep");
    std::filesystem::create_directories(folder_ / "out");
    write_file_atomically(folder_ / "key", std::string(32, 'k'));
    write_png(in("a.png"), grey_);
    write_png(in("deep/b.png"), grey_.flip(0));
    write_png(in("left.png"), left_ * 255);
    write_png(in("right.png"), right_ * 255);
    write_png(in("none.png"), torch::zeros_like(left_));
    write_png(in("codes.png"), left_ + right_ * 7);
  }
  std::filesystem::path in(const std::string& name) const { return folder_ / ("in/" + name); }
  void table(const std::string& text, const std::string& name = "manifest.csv") const {
    write_file_atomically(in(name), text);
  }
  ConverterOptions options() const {
    return {
        .source = folder_ / "in", .output = folder_ / "out/m.h5", .patient_key = folder_ / "key"};
  }
  DataFile converted(const ConverterOptions& with) {
    report_ = convert("manifest", with);
    return DataFile(with.output);
  }
  DataFile converted() { return converted(options()); }
  template <typename Error = std::invalid_argument>
  void expect_refused(const std::string& reason) {
    EXPECT_THAT([&] { converted(); }, ThrowsMessage<Error>(HasSubstr(reason)));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out/m.h5"));
  }
  void expect_skipped(const std::string& reason, std::size_t left) {
    ConverterOptions skipping = options();
    skipping.on_bad = ConverterOptions::OnBad::kSkip;
    EXPECT_EQ(converted(skipping).samples().size(), left);
    EXPECT_THAT(report_.skipped, ElementsAre(HasSubstr(reason)));
    std::filesystem::remove(folder_ / "out/m.h5");
  }
  static torch::Tensor square(std::int64_t x1, std::int64_t y1, std::int64_t x2, std::int64_t y2) {
    torch::Tensor mask = torch::zeros({12, 16}, torch::kUInt8);
    mask.slice(0, y1, y2).slice(1, x1, x2).fill_(1);
    return mask;
  }
  torch::Tensor grey_ = (torch::arange(12 * 16).reshape({12, 16}) % 251).to(torch::kUInt8);
  torch::Tensor left_ = square(1, 2, 5, 9), right_ = square(8, 3, 15, 8);
  TemporaryFolder folder_;
  ConverterReport report_;
};

TEST_F(Manifests, ColumnsSayWhoASampleIs) {
  table(
      "\xEF\xBB\xBFsample,image,mask,patient,group,source,fold\r\n"
      "one,a.png,left.png,Jane,sick,clinic,1\r\n\"two, b\",deep/b.png,,Jane,well,home,\r\n");
  const DataFile file = converted();
  EXPECT_EQ(file.name(), "manifest");
  EXPECT_THAT(file.classes(), ElementsAre("foreground"));
  const RawSample one = file.read(0), two = file.read(1);
  EXPECT_EQ(one.id.name, "one");
  EXPECT_EQ(one.id.patient, PatientHash(options())("Jane"));
  EXPECT_EQ(one.id.group, "sick");
  EXPECT_EQ(one.id.source, "clinic");
  EXPECT_EQ(one.id.fold, 1);
  EXPECT_TRUE(torch::equal(one.image[0], grey_));
  EXPECT_TRUE(torch::equal(one.labels, left_));
  EXPECT_FALSE(one.instances.defined());
  EXPECT_EQ(two.id.name, "two__b");
  EXPECT_EQ(two.id.patient, one.id.patient);
  EXPECT_EQ(two.id.fold, -1);
  EXPECT_FALSE(two.labels.defined());
  EXPECT_THAT(read_file(folder_ / "out/m.h5"), Not(HasSubstr("Jane")));
}

TEST_F(Manifests, AnImageIsEnough) {
  table("image\na.png\ndeep/b.png\n");
  const DataFile file = converted();
  EXPECT_EQ(file.samples()[1].name, "b");
  EXPECT_EQ(file.samples()[1].patient, PatientHash(options())("b"));
  ConverterOptions plain = options();
  plain.patient_key.clear();
  EXPECT_EQ(converted(plain).samples()[1].patient, "b");
}

TEST_F(Manifests, TheTableMayBeTheSourceOrBeNamed) {
  table("image\na.png\n", "list.csv");
  ConverterOptions with = options();
  with.source = in("list.csv");
  EXPECT_EQ(converted(with).name(), "list");
  with.source = folder_ / "in";
  with.annotations = in("list.csv");
  EXPECT_EQ(converted(with).samples().size(), 1u);
  std::filesystem::remove(with.output);
  expect_refused("/in] no manifest.csv");
}

TEST_F(Manifests, AColumnAClassGivesObjects) {
  table("image,mask_left,mask_right\na.png,left.png,right.png\ndeep/b.png,,none.png\n");
  const DataFile file = converted();
  EXPECT_THAT(file.classes(), ElementsAre("left", "right"));
  const RawSample sample = file.read(0);
  EXPECT_TRUE(torch::equal(sample.labels, left_ + right_ * 2));
  EXPECT_TRUE(torch::equal(sample.instances.boxes,
                           torch::tensor({{1.F, 2.F, 5.F, 9.F}, {8.F, 3.F, 15.F, 8.F}})));
  EXPECT_TRUE(torch::equal(sample.instances.masks, torch::stack({left_, right_})));
  EXPECT_TRUE(torch::equal(sample.instances.labels, torch::tensor({1, 2}, torch::kUInt8)));
  const RawSample negative = file.read(1);
  EXPECT_EQ(negative.instances.boxes.size(0), 0);
  EXPECT_EQ(negative.labels.sum().item<int>(), 0);
}

TEST_F(Manifests, ARowAMaskGivesTheSameObjects) {
  table("image,mask_left,mask_right\na.png,left.png,right.png\n");
  const std::string digest = converted().digest();
  table("image,mask,class\na.png,left.png,left\na.png,right.png,right\n");
  EXPECT_EQ(converted().digest(), digest);
  table("image,mask,class\na.png,left.png; right.png,left;right\n");
  EXPECT_EQ(converted().digest(), digest);
}

TEST_F(Manifests, MasksBetweenSemicolonsAreObjectsOfOneClass) {
  table("image,mask\na.png,left.png;right.png\n");
  const RawSample sample = converted().read(0);
  EXPECT_EQ(sample.instances.boxes.size(0), 2);
  EXPECT_TRUE(torch::equal(sample.labels, left_ + right_));
}

TEST_F(Manifests, ClassesAreASubsetInTheirOrder) {
  table("image,mask_left,mask_right\na.png,left.png,right.png\n");
  ConverterOptions with = options();
  with.classes = {"right"};
  const DataFile file = converted(with);
  EXPECT_THAT(file.classes(), ElementsAre("right"));
  EXPECT_TRUE(torch::equal(file.read(0).labels, right_));
  with.classes = {"middle"};
  EXPECT_THAT([&] { converted(with); }, ThrowsMessage<std::invalid_argument>(
                                            HasSubstr("no class 'middle'; there are left, right")));
}

TEST_F(Manifests, AClassWithoutMasksIsTheGroup) {
  table("image,class\na.png,covid\n");
  EXPECT_EQ(converted().samples()[0].group, "covid");
}

TEST_F(Manifests, CodesAreOfTheLabelMap) {
  table("image,mask\na.png,codes.png\n");
  write_file_atomically(folder_ / "map.csv", "code,name\n1,left\n7,right\n");
  ConverterOptions with = options();
  with.label_map = folder_ / "map.csv";
  const DataFile file = converted(with);
  EXPECT_THAT(file.header().label_codes, ElementsAre(1, 7));
  EXPECT_TRUE(torch::equal(file.read(0).labels, left_ + right_ * 2));
  std::filesystem::remove(with.output);
  expect_refused("manifest.csv, line 2] [" + in("codes.png").string() + "] unknown label 7");
}

TEST_F(Manifests, EveryFormatIsTaken) {
  const torch::Tensor words = grey_.to(torch::kInt16) * 9;
  write_nifti(in("n.nii.gz"), words.unsqueeze(0));
  MadeDicom(words, "Jane").put(DCM_PixelSpacing, "0.5\\0.25").write(in("d"), EXS_JPEGProcess14SV1);
  write_npy(in("y.npy"), words, "<i2", "12, 16");
  table("image\nn.nii.gz\nd\ny.npy\n");
  const DataFile file = converted();
  for (std::int64_t i = 0; i < 3; ++i)
    EXPECT_TRUE(torch::equal(file.read(i).image[0], words)) << file.samples()[size_t(i)].name;
  EXPECT_EQ(file.samples()[0].name, "n");
  EXPECT_THAT(file.samples()[0].spacing, ElementsAre(10, 1.25, 1.5625));
  EXPECT_EQ(file.samples()[1].patient, PatientHash(options())("Jane"));
  EXPECT_THAT(file.samples()[1].spacing, ElementsAre(1, 0.5, 0.25));
  EXPECT_THAT(file.samples()[2].spacing, IsEmpty());
}

TEST_F(Manifests, VolumesAreSlicesOrVolumes) {
  const torch::Tensor voxels = torch::arange(3 * 12 * 16).reshape({3, 12, 16}).to(torch::kInt16);
  const torch::Tensor codes = voxels.remainder(3).to(torch::kUInt8);
  write_nifti(in("v.nii.gz"), voxels);
  write_nifti(in("l.nii.gz"), codes);
  table("image,mask,patient\nv.nii.gz,l.nii.gz,Jane\n");
  ConverterOptions with = options();
  with.classes = {"rv", "lv"};
  const DataFile slices = converted(with);
  ASSERT_EQ(slices.samples().size(), 3u);
  EXPECT_EQ(slices.samples()[2].name, "v/2");
  EXPECT_EQ(slices.samples()[2].case_name, "v");
  EXPECT_TRUE(torch::equal(slices.read(2).labels, codes[2]));
  with.dimension = 3;
  const DataFile volumes = converted(with);
  ASSERT_EQ(volumes.samples().size(), 1u);
  EXPECT_EQ(volumes.samples()[0].name, "v");
  EXPECT_TRUE(torch::equal(volumes.read(0).image[0], voxels));
  EXPECT_TRUE(torch::equal(volumes.read(0).labels, codes));
}

TEST_F(Manifests, SeveralImagesAreChannels) {
  table("image\na.png;deep/b.png\n");
  const DataFile file = converted();
  EXPECT_EQ(file.channels(), 2);
  EXPECT_TRUE(torch::equal(file.read(0).image, torch::stack({grey_, grey_.flip(0)})));
}

TEST_F(Manifests, ADatalistHasSectionsFoldsAndLabels) {
  table(R"({"description": "Jane Doe", "labels": {"0": "background", "1": "left", "7": "right"},
    "training": [{"image": "a.png", "label": "codes.png", "fold": 2, "patient": "Jane"}],
    "validation": [{"image": ["deep/b.png"]}], "test": ["left.png"]})",
        "datalist.json");
  const DataFile file = converted();
  EXPECT_THAT(file.classes(), ElementsAre("left", "right"));
  ASSERT_EQ(file.samples().size(), 3u);
  EXPECT_EQ(file.samples()[0].source, "training");
  EXPECT_EQ(file.samples()[0].fold, 2);
  EXPECT_EQ(file.samples()[0].patient, PatientHash(options())("Jane"));
  EXPECT_EQ(file.samples()[1].source, "validation");
  EXPECT_EQ(file.samples()[2].source, "test");
  EXPECT_TRUE(torch::equal(file.read(0).labels, left_ + right_ * 2));
  EXPECT_FALSE(file.read(1).labels.defined());
  EXPECT_THAT(read_file(folder_ / "out/m.h5"), Not(HasSubstr("Jane")));
}

TEST_F(Manifests, ANumberInADatalistIsTheGroupAndAListOfLabelsObjects) {
  table(R"({"training": [{"image": "a.png", "label": 3}]})", "manifest.json");
  EXPECT_EQ(converted().samples()[0].group, "3");
  table(R"({"training": [{"image": "a.png", "label": ["left.png", "right.png"]}]})",
        "manifest.json");
  EXPECT_EQ(converted().read(0).instances.boxes.size(0), 2);
}

TEST_F(Manifests, BadRowsAreNamedOrSkipped) {
  const std::map<std::string, std::string> cases{
      {"image,fold\na.png,0\ndeep/b.png,-1\n", "line 3] fold -1; 0, 1, ... are allowed"},
      {"image,fold\na.png,0\ndeep/b.png,x\n", "line 3] column fold: 'x'; a number is allowed"},
      {"image,patient\na.png,x\ndeep/b.png,\n", "line 3] no patient, but the table has"},
      {"image,group\na.png,x\n ,y\n", "line 3] no image; a file is needed"},
      {"image\na.png\nzzz.png\n", "zzz.png] no such file"},
      {"sample,image\nx,a.png\nx,deep/b.png\n", "line 3] sample x has another image in"},
      {"image,mask\na.png,left.png\na.png,left.png\n", "line 3] sample a stands already in"},
      {"image,mask,class\na.png,left.png,x\ndeep/b.png,left.png;right.png,x;y;z\n",
       "line 3] 2 masks, but 3 classes"},
      {"image,mask,group,class\na.png,left.png,s,x\na.png,right.png,t,x\n",
       "line 3] patient, group, source or fold differ from"}};
  for (const auto& [text, reason] : cases) {
    table(text);
    expect_refused(reason);
    expect_skipped(reason, 1);
  }
}

TEST_F(Manifests, BadFilesAreNamedWithTheirRow) {
  write_png(in("small.png"), torch::zeros({3, 4}, torch::kUInt8));
  table("image,mask\na.png,left.png\ndeep/b.png,small.png\n");
  expect_refused("manifest.csv, line 3] [" + in("small.png").string() +
                 "] 1 x 3 x 4 pixels, but its image b.png has 1 x 12 x 16");
  expect_skipped("manifest.csv, line 3]", 1);
  std::filesystem::resize_file(in("deep/b.png"), 60);
  table("image\na.png\ndeep/b.png\n");
  expect_refused<std::runtime_error>("manifest.csv, line 3] [" + in("deep/b.png").string());
}

TEST_F(Manifests, BadDatalistsAreNamed) {
  const std::map<std::string, std::string> cases{
      {R"({"training": [{"image": "a.png"})", "manifest.json] no JSON: byte 33"},
      {R"({"images": []})", "manifest.json] no entries; lists \"training\""},
      {R"({"training": [{"label": "a.png"}]})", "training[0]] no image"},
      {R"({"training": [{"image": "a.png", "fold": "x"}]})", "training[0]] fold is none of"},
      {R"({"training": [{"image": "a.png", "label": 1.5}]})", "training[0]] label is neither"},
      {R"({"training": ["a.png"], "test": ["a.png"]})", "test[0]] sample a stands twice"}};
  for (const auto& [text, reason] : cases) {
    table(text, "manifest.json");
    expect_refused(reason);
  }
}

TEST_F(Manifests, OtherColumnsAreNotedAndNotRead) {
  table("image,age,name\na.png,70,Jane Doe\n");
  converted();
  EXPECT_THAT(report_.notes, Contains(HasSubstr("2 columns are not read (age, name)")));
  EXPECT_THAT(read_file(folder_ / "out/m.h5"), Not(HasSubstr("Jane")));
}

TEST_F(Manifests, PatientsMayBeInTheNames) {
  table("sample,image\np7_1,a.png\np7_2,deep/b.png\n");
  ConverterOptions with = options();
  with.patient = "^(p[0-9]+)_";
  const DataFile file = converted(with);
  EXPECT_EQ(file.samples()[0].patient, PatientHash(with)("p7"));
  EXPECT_EQ(file.samples()[1].patient, file.samples()[0].patient);
}

TEST_F(Manifests, ColoursAreMadeAlikeWhereAsked) {
  write_png(in("c.png"), torch::stack({grey_, grey_, grey_}));
  table("image\na.png\nc.png\n");
  expect_refused("3 channels, but the first image has 1; --color rgb or gray");
  ConverterOptions with = options();
  with.color = "gray";
  EXPECT_EQ(converted(with).channels(), 1);
}

TEST_F(Manifests, TextsInPixelsAreNoted) {
  MadeDicom(grey_).put(DCM_BurnedInAnnotation, "YES").write(in("d.dcm"));
  table("image\nd.dcm\n");
  converted();
  EXPECT_THAT(report_.notes, Contains(HasSubstr("BurnedInAnnotation")));
}

}  // namespace
}  // namespace medsweep::datasets
