#include "datasets/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "datasets/converters/converters.h"
#include "datasets/converters/csv.h"
#include "datasets/converters/image_files.h"
#include "datasets/converters/run_lengths.h"
#include "datasets/export_images.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

/// Two boxes with masks on a coloured image, one of them a crowd.
RawSample made_objects(std::int64_t number) {
  RawSample sample = made_sample(number, torch::kUInt8, 3);
  const std::int64_t height = sample.image.size(1), width = sample.image.size(2);
  sample.instances.boxes =
      torch::tensor({{1.25F, 2.F, 10.1F, 8.7F}, {0.F, 0.F, 31.F, static_cast<float>(height)}});
  sample.instances.labels = torch::tensor({3, 1}, torch::kUInt8);
  sample.instances.ignore = torch::tensor({0, 1}, torch::kUInt8);
  sample.instances.masks = torch::zeros({2, height, width}, torch::kUInt8);
  sample.instances.masks[0].slice(0, 2, 8).slice(1, 2, 10).fill_(1);
  sample.instances.masks[1].slice(1, 5, 31).fill_(1);
  return sample;
}

class Export : public testing::Test {
 protected:
  void write(const std::vector<RawSample>& samples, const DataFileHeader& header) const {
    DataFileWriter writer(folder_ / "a.h5", header);
    for (const RawSample& sample : samples) writer.add(sample);
    writer.finish();
  }
  ExportReport exported(const std::string& format) const {
    return export_data(format, folder_ / "a.h5", folder_ / "out");
  }
  json annotations() const { return json::parse(read_file(folder_ / "out" / "annotations.json")); }
  TemporaryFolder folder_;
  const DataFileHeader colored_{
      .name = "made", .classes = {"rv", "myo", "lv"}, .channels = 3, .label_codes = {7, 2, 90}};
  const DataFileHeader grey_{.name = "made", .classes = {"rv", "myo", "lv"}, .channels = 1};
};

TEST_F(Export, CocoHoldsObjectsOneForOne) {
  write({made_objects(0), made_objects(1)}, colored_);
  const ExportReport report = exported("coco");
  EXPECT_EQ(report.samples, 2);
  EXPECT_EQ(report.files, 3);
  const json coco = annotations();
  ASSERT_EQ(coco["images"].size(), 2u);
  EXPECT_EQ(coco["images"][1]["file_name"], "case0_ED_1.png");
  EXPECT_EQ(coco["images"][1]["height"], 21);
  EXPECT_EQ(coco["images"][1]["patient"], "case0");
  ASSERT_EQ(coco["annotations"].size(), 4u);
  const json& entry = coco["annotations"][2];
  EXPECT_EQ(entry["id"], 3);
  EXPECT_EQ(entry["image_id"], 2);
  EXPECT_EQ(entry["category_id"], 90);
  EXPECT_EQ(entry["area"], 48);
  EXPECT_EQ(entry["iscrowd"], 0);
  EXPECT_EQ(coco["annotations"][3]["iscrowd"], 1);
  EXPECT_EQ(entry["segmentation"]["size"], json::array({21, 31}));
  EXPECT_FLOAT_EQ(entry["bbox"][0].get<float>(), 1.25F);
  EXPECT_FLOAT_EQ(entry["bbox"][2].get<float>(), 8.85F);
  EXPECT_EQ(coco["categories"], json::parse(R"([{"id": 7, "name": "rv"}, {"id": 2, "name": "myo"},
                                                {"id": 90, "name": "lv"}])"));
}

TEST_F(Export, WhatCocoWroteIsConvertedToTheSamePixels) {
  std::vector<RawSample> samples{made_objects(0), made_objects(3)};
  samples[1].instances = {.boxes = torch::zeros({0, 4}),
                          .labels = torch::zeros({0}, torch::kUInt8),
                          .ignore = torch::zeros({0}, torch::kUInt8),
                          .masks = torch::zeros({0, 23, 31}, torch::kUInt8)};
  write(samples, colored_);
  exported("coco");
  convert("coco",
          {.source = folder_ / "out", .output = folder_ / "b.h5", .classes = {"rv", "myo", "lv"}});
  const DataFile back(folder_ / "b.h5");
  EXPECT_EQ(back.header().label_codes, colored_.label_codes);
  for (std::int64_t i = 0; i < 2; ++i) {
    const RawSample sample = back.read(i);
    const Instances &found = sample.instances,
                    &expected = samples[static_cast<std::size_t>(i)].instances;
    EXPECT_TRUE(torch::equal(sample.image, samples[static_cast<std::size_t>(i)].image));
    EXPECT_TRUE(torch::equal(found.boxes, expected.boxes));
    EXPECT_TRUE(torch::equal(found.labels, expected.labels));
    EXPECT_TRUE(torch::equal(found.ignore, expected.ignore));
    EXPECT_TRUE(torch::equal(found.masks, expected.masks));
  }
}

TEST_F(Export, InCocoEveryConnectedPartOfAClassIsAnAnnotation) {
  RawSample sample = made_sample(0);
  sample.labels.zero_();
  sample.labels[2][3] = 2;
  sample.labels[3][4] = 2;  // a neighbour across the corner
  sample.labels.slice(0, 10, 12).slice(1, 20, 24).fill_(2);
  sample.labels[19][30] = 1;
  write({sample}, grey_);
  const ExportReport report = exported("coco");
  const json coco = annotations();
  ASSERT_EQ(coco["annotations"].size(), 3u);
  EXPECT_EQ(coco["annotations"][0]["category_id"], 1);
  EXPECT_EQ(coco["annotations"][0]["bbox"], json::array({30, 19, 1, 1}));
  EXPECT_EQ(coco["annotations"][1]["area"], 2);
  EXPECT_EQ(coco["annotations"][1]["bbox"], json::array({3, 2, 2, 2}));
  EXPECT_EQ(coco["annotations"][2]["area"], 8);
  const RunLengths runs = runs_from_text(
      coco["annotations"][2]["segmentation"]["counts"].get<std::string>(), 20, 31, "test");
  EXPECT_EQ(runs.counts.at(0), 20 * 20 + 10);
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("more than 8 bits are scaled"),
                                        HasSubstr("one annotation for each connected part")));
  const torch::Tensor image = read_image(folder_ / "out/images/case0_ED_0.png", ColorKind::kStored);
  EXPECT_EQ(image.min().item<int>(), 0);
  EXPECT_EQ(image.max().item<int>(), 255);
}

TEST_F(Export, PngHoldsImagesLabelsAndWhoTheyAre) {
  RawSample sample = made_sample(1, torch::kUInt8);
  sample.id.patient = "Muster, \"M\"";
  sample.field_of_view = sample.labels.ne(0).to(torch::kUInt8);
  write({sample, made_sample(2, torch::kUInt8)}, grey_);
  EXPECT_EQ(exported("png").files, 7);  // two images, two label maps, a field of view, two tables
  const CsvTable table = read_csv(folder_ / "out/samples.csv");
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.at(0, "sample"), "case0_ED/1");
  EXPECT_EQ(table.at(0, "image"), "images/case0_ED_1.png");
  EXPECT_EQ(table.at(0, "mask"), "labels/case0_ED_1.png");
  EXPECT_EQ(table.at(0, "patient"), "Muster, \"M\"");
  EXPECT_EQ(table.at(1, "group"), "DCM");
  EXPECT_EQ(table.at(0, "fold"), "");
  EXPECT_EQ(table.number(0, "spacing_height"), 1.5625);
  EXPECT_EQ(read_csv(folder_ / "out/classes.csv").at(2, "name"), "lv");
  EXPECT_TRUE(torch::equal(read_image(folder_ / "out" / table.at(0, "image"), ColorKind::kStored),
                           sample.image));
  EXPECT_TRUE(torch::equal(read_label_image(folder_ / "out" / table.at(0, "mask")), sample.labels));
  EXPECT_TRUE(torch::equal(read_label_image(folder_ / "out/field_of_view/case0_ED_1.png"),
                           sample.field_of_view));
}

TEST_F(Export, PngKeepsEveryValueOfWiderTypes) {
  const std::filesystem::path folder = folder_.path();
  const torch::Tensor positive = torch::arange(0, 32760, 13).to(torch::kInt16).reshape({1, 56, 45});
  const SavedImage exact = save_exact(folder, "positive", positive);
  EXPECT_EQ(exact.offset, 0);
  EXPECT_TRUE(torch::equal(read_image(folder / exact.files.at(0), ColorKind::kStored), positive));
  const torch::Tensor negative = (positive - 1000).to(torch::kInt16);
  const SavedImage shifted = save_exact(folder, "negative", negative);
  EXPECT_EQ(shifted.offset, -32768);
  EXPECT_TRUE(torch::equal(read_image(folder / shifted.files.at(0), ColorKind::kStored)
                               .to(torch::kFloat64)
                               .add(shifted.offset)
                               .to(torch::kInt16),
                           negative));
  const torch::Tensor real = torch::rand({2, 9, 7}) * 3 - 1;
  const SavedImage scaled = save_exact(folder, "real", real);
  EXPECT_THAT(scaled.files, ElementsAre("real_0000.png", "real_0001.png"));
  for (std::int64_t c = 0; c < 2; ++c) {
    const torch::Tensor back =
        read_image(folder / scaled.files[static_cast<std::size_t>(c)], ColorKind::kStored)
            .to(torch::kFloat64)
            .mul(scaled.scale)
            .add(scaled.offset);
    EXPECT_LE((back[0] - real[c]).abs().max().item<double>(), scaled.scale * 0.51);
  }
}

TEST_F(Export, TheFolderIsNewAndWholeOrNotThere) {
  write({made_sample(0)}, grey_);
  EXPECT_THAT([&] { exported("cocoo"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("did you mean 'coco'")));
  exported("png");
  EXPECT_THAT([&] { exported("png"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("out] is there already")));
  std::filesystem::remove_all(folder_ / "out");
  RawSample twin = made_sample(0);
  twin.id.name = "case0_ED_0";
  write({made_sample(0), twin}, grey_);
  EXPECT_THAT([&] { exported("png"); }, ThrowsMessage<std::invalid_argument>(AllOf(
                                            HasSubstr("'case0_ED/0'"), HasSubstr("'case0_ED_0'"))));
  EXPECT_THAT(folder_.names(), ElementsAre("a.h5"));
}

TEST_F(Export, VolumesAreNoImages) {
  RawSample volume = made_sample(0);
  volume.image = torch::zeros({1, 3, 4, 5}, torch::kInt16);
  volume.labels = torch::zeros({3, 4, 5}, torch::kUInt8);
  DataFileHeader header = grey_;
  header.dimension = 3;
  write({volume}, header);
  for (const char* format : {"coco", "png"})
    EXPECT_THAT([&] { exported(format); },
                ThrowsMessage<std::invalid_argument>(HasSubstr("the format nifti is allowed")));
}

/// The peers are for making golden numbers; where they are, they read what was written.
TEST_F(Export, PycocotoolsReadsWhatCocoWrote) {
  const char* home = std::getenv("HOME");
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const std::filesystem::path python =
      (cache != nullptr ? std::filesystem::path(cache)
                        : std::filesystem::path(home == nullptr ? "" : home) / ".cache") /
      "medsweep/peers/bin/python";
  if (!std::filesystem::exists(python)) GTEST_SKIP() << "no Python peers (./bootstrap peers)";
  write({made_objects(0), made_objects(3)}, colored_);
  exported("coco");
  write_file_atomically(folder_ / "read.py", R"(import sys
from pycocotools.coco import COCO
coco = COCO(sys.argv[1])
for entry in coco.loadAnns(coco.getAnnIds()):
    mask = coco.annToMask(entry)
    print("mask", entry["image_id"], entry["category_id"], mask.shape, mask.sum(), mask[2:8, 2:10].sum())
)");
  const std::string command = python.string() + " " + (folder_ / "read.py").string() + " " +
                              (folder_ / "out/annotations.json").string() + " | grep mask > " +
                              (folder_ / "said").string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read_file(folder_ / "said"),
            "mask 1 90 (20, 31) 48 48\nmask 1 7 (20, 31) 520 30\n"
            "mask 2 90 (23, 31) 48 48\nmask 2 7 (23, 31) 598 30\n");
}

TEST(ExportReal, CocoThereAndBackHasTheSamePixels) {
  const std::filesystem::path source = real_data("coco_tiny");
  if (source.empty()) GTEST_SKIP() << "coco_tiny is absent (MEDSWEEP_TEST_DATA)";
  const TemporaryFolder folder;
  convert("coco", {.source = source, .output = folder / "a.h5", .classes = {"person", "dog"}});
  export_data("coco", folder / "a.h5", folder / "out");
  convert("coco",
          {.source = folder / "out", .output = folder / "b.h5", .classes = {"person", "dog"}});
  const DataFile there(folder / "a.h5"), back(folder / "b.h5");
  ASSERT_EQ(there.samples().size(), back.samples().size());
  for (std::int64_t i = 0; i < std::ssize(there.samples()); ++i) {
    const RawSample expected = there.read(i);
    RawSample found = back.read(i);
    found.id = expected.id;  // the folder above the images is another
    EXPECT_EQ(digest_of(found), digest_of(expected)) << expected.id.name;
  }
}

}  // namespace
}  // namespace medsweep::datasets
