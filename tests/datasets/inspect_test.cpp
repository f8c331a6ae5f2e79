#include "datasets/inspect.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RawSample flat_sample(const std::string& patient, std::int64_t slice, int value) {
  RawSample sample = made_sample(0, torch::kInt16);
  sample.image = torch::arange(100).reshape({1, 10, 10}).to(torch::kInt16) * value;
  sample.labels = torch::zeros({10, 10}, torch::kUInt8);
  sample.id.patient = patient;
  sample.id.case_name = patient + "_ED";
  sample.id.name = fmt::format("{}/{}", sample.id.case_name, slice);
  sample.id.slice = slice;
  return sample;
}

Inspection inspect_made(const TemporaryFolder& folder) {
  DataFileWriter writer(folder / "a.h5", {.name = "made", .classes = {"rv", "myo"}, .channels = 1});
  RawSample first = flat_sample("p1", 0, 1);
  first.labels.narrow(0, 0, 3).fill_(1);  // 30 pixels
  first.field_of_view = torch::ones({10, 10}, torch::kUInt8);
  first.field_of_view[0].fill_(0);  // 10 of them outside
  RawSample second = flat_sample("p1", 1, 2);
  second.labels[0][0] = 1;
  second.id.spacing = {8, 1.5625, 1.25};
  RawSample third = flat_sample("p2", 0, 2);  // the same pixels in another patient
  third.id.group = "";
  third.id.spacing.clear();
  writer.add(first);
  writer.add(second);
  writer.add(third);
  writer.finish();
  return inspect(folder / "a.h5");
}

TEST(Inspect, CountsWhatIsInside) {
  const TemporaryFolder folder;
  const Inspection inspection = inspect_made(folder);
  EXPECT_EQ(inspection.samples, 3);
  EXPECT_EQ(inspection.cases, 2);
  EXPECT_EQ(inspection.patients, 2);
  EXPECT_EQ(inspection.groups, (std::map<std::string, std::int64_t>{{"", 1}, {"DCM", 1}}));
  EXPECT_EQ(inspection.types, (std::map<std::string, std::int64_t>{{"int16", 3}}));
  EXPECT_EQ(inspection.classes[0].pixels, 31);
  EXPECT_EQ(inspection.classes[0].samples, 2);
  EXPECT_EQ(inspection.classes[0].cases, 1);
  EXPECT_EQ(inspection.classes[1].pixels, 0);
  EXPECT_EQ(inspection.pixels, 300);
  EXPECT_EQ(inspection.counted_pixels, 290);
  EXPECT_EQ(inspection.largest, (Extent{10, 10}));
  ASSERT_EQ(inspection.spacing.size(), 3u);
  EXPECT_THAT(inspection.spacing[0], ElementsAre(8, 10));
  // 0...99 once and 0, 2 ... 198 twice: 300 values, at ranks 0, 3, 150, 296, 299.
  EXPECT_THAT(inspection.percentiles.at(0), ElementsAre(0, 1, 74, 196, 198));
}

TEST(Inspect, PointsAtWhatAPersonShouldSee) {
  const TemporaryFolder folder;
  std::map<std::string, std::vector<std::string>> found;
  for (const Suspicion& suspicion : inspect_made(folder).suspicions)
    found[suspicion.what] = suspicion.samples;
  const std::map<std::string, std::vector<std::string>> expected{
      {"no label at all", {"p2_ED/0"}},
      {"labels outside the field of view", {"p1_ED/0"}},
      {"same pixels as p1_ED/1", {"p2_ED/0"}},
      {"spacing unknown: no distances in mm", {"p2_ED/0"}},
      {"class myo never occurs", {}}};
  EXPECT_EQ(found, expected);
}

TEST(Inspect, TextAndJsonSayTheSame) {
  const TemporaryFolder folder;
  const Inspection inspection = inspect_made(folder);
  const std::string text = to_text(inspection);
  EXPECT_THAT(text, HasSubstr("samples         3 of 2 cases of 2 patients\n"));
  EXPECT_THAT(text, HasSubstr("groups          (unknown) 1, DCM 1\n"));
  EXPECT_THAT(text, HasSubstr("spacing in mm   8-10 x 1.5625 x 1.25 (depth x height x width)\n"));
  EXPECT_THAT(text, HasSubstr("rv                          31    10.33%         2       1\n"));
  EXPECT_THAT(text, HasSubstr("  no label at all (1): p2_ED/0\n"));
  const nlohmann::json json = nlohmann::json::parse(to_json(inspection));
  EXPECT_EQ(json["samples"], 3);
  EXPECT_EQ(json["classes"][0]["pixels"], 31);
  EXPECT_EQ(json["digest"], inspection.digest);
  EXPECT_EQ(json["suspicions"].size(), inspection.suspicions.size());
}

TEST(Inspect, CountsObjectsUnlabelledSamplesAndFolds) {
  const TemporaryFolder folder;
  DataFileWriter writer(folder / "a.h5",
                        {.name = "made", .classes = {"lung", "tube"}, .channels = 1});
  RawSample sample = flat_sample("p1", 0, 1);
  sample.id.fold = 2;
  sample.instances.boxes =
      torch::tensor({1.0F, 1.0F, 4.0F, 4.0F, 2.0F, 2.0F, 9.0F, 9.0F, 0.0F, 0.0F, 3.0F, 3.0F})
          .reshape({3, 4});
  sample.instances.labels = torch::tensor({1, 1, 2}, torch::kUInt8);
  sample.instances.ignore = torch::tensor({0, 1, 0}, torch::kUInt8);
  sample.labels = torch::Tensor();
  writer.add(sample);
  sample = flat_sample("p2", 0, 2);
  sample.id.fold = 0;
  sample.labels = torch::Tensor();
  writer.add(sample);
  writer.finish();
  const Inspection found = inspect(folder / "a.h5", 2);
  EXPECT_TRUE(found.has_instances);
  EXPECT_EQ(found.classes[0].instances, 2);
  EXPECT_EQ(found.classes[0].crowds, 1);
  EXPECT_EQ(found.classes[0].samples, 1);
  EXPECT_EQ(found.classes[1].instances, 1);
  EXPECT_EQ(found.unlabelled, 1);
  EXPECT_EQ(found.labelled_slices, 0);
  EXPECT_EQ(found.folds, (std::map<std::int64_t, std::int64_t>{{0, 1}, {2, 1}}));
  const std::string text = to_text(found);
  EXPECT_THAT(text, HasSubstr("folds           0 1, 2 1\n"));
  EXPECT_THAT(text, HasSubstr("no label maps; 1 samples have no labels at all\n"));
  EXPECT_THAT(text, HasSubstr("         2 (1 crowds)\n"));
  const nlohmann::json json = nlohmann::json::parse(to_json(found));
  EXPECT_EQ(json["classes"][0]["instances"], 2);
  EXPECT_EQ(json["unlabelled"], 1);
  EXPECT_EQ(json["folds"]["2"], 1);
}

TEST(Inspect, CountsEmptySlicesOfVolumes) {
  const TemporaryFolder folder;
  DataFileWriter writer(folder / "v.h5",
                        {.name = "v", .classes = {"a"}, .channels = 1, .dimension = 3});
  RawSample sample = flat_sample("p1", 0, 1);
  sample.image = torch::arange(7 * 8 * 9).reshape({1, 7, 8, 9}).to(torch::kInt16);
  sample.labels = torch::zeros({7, 8, 9}, torch::kUInt8);
  sample.labels.slice(0, 2, 5).fill_(1);
  writer.add(sample);
  writer.finish();
  const Inspection found = inspect(folder / "v.h5");
  EXPECT_EQ(found.dimension, 3);
  EXPECT_EQ(found.labelled_slices, 7);
  EXPECT_EQ(found.empty_slices, 4);
  EXPECT_EQ(found.largest, (Extent{8, 9, 7}));
  EXPECT_THAT(to_text(found), HasSubstr("volumes         7 x 8 x 9\n"));
  EXPECT_THAT(to_text(found), HasSubstr("4 of 7 slices are empty\n"));
  EXPECT_THAT(nlohmann::json::parse(to_json(found))["largest"], ElementsAre(7, 8, 9));
}

TEST(Inspect, IntensitiesAreTakenFromAllColumns) {
  const TemporaryFolder folder;
  DataFileWriter writer(folder / "a.h5", {.name = "made", .classes = {"a"}, .channels = 1});
  RawSample sample = flat_sample("p1", 0, 1);
  sample.image = torch::zeros({1, 512, 1024}, torch::kInt16);  // more pixels than are looked at
  sample.image.slice(2, 512).fill_(100);
  sample.labels = torch::ones({512, 1024}, torch::kUInt8);
  writer.add(sample);
  writer.finish();
  EXPECT_THAT(inspect(folder / "a.h5").percentiles.at(0), ElementsAre(0, 0, testing::_, 100, 100));
}

TEST(Inspect, TheNumberOfThreadsChangesNothing) {
  const TemporaryFolder folder;
  write_made_file(folder / "a.h5", 23);
  EXPECT_EQ(to_json(inspect(folder / "a.h5", 1)), to_json(inspect(folder / "a.h5", 5)));
}

}  // namespace
}  // namespace medsweep::datasets
