#include "datasets/segmentation_dataset.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <atomic>
#include <stdexcept>

#include "datasets/augmentation/augmentation.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

// Sample i has 40 + i x 30 pixels; its labels and pixels follow from i alone. The field of view
// leaves out the first two rows.
RawSample raw_sample(std::int64_t index, std::int64_t channels) {
  const std::int64_t height = 40 + index, width = 30;
  const torch::Tensor values = torch::arange(channels * height * width) * (7 + index) % 251;
  RawSample raw;
  raw.image = values.to(torch::kUInt8).reshape({channels, height, width});
  raw.labels = (torch::arange(height * width) / 11 % 4).to(torch::kUInt8).reshape({height, width});
  raw.field_of_view = torch::ones({height, width}, torch::kUInt8);
  raw.field_of_view.slice(0, 0, 2).zero_();
  return raw;
}

PoolMember member(const std::string& name, std::int64_t count, std::int64_t channels = 3,
                  double weight = 1) {
  PoolMember result{name, {"rv", "myo", "lv"}, channels, {}, {}, {}, weight};
  for (std::int64_t i = 0; i < count; ++i) {
    SampleId id;
    id.index = i;
    id.name = fmt::format("p{}/0", i);
    id.case_name = id.patient = fmt::format("p{}", i);
    id.source = "training";
    result.samples.push_back(id);
    result.sizes.push_back({40 + i, 30});
  }
  result.read = [channels](std::int64_t i, const torch::Tensor&) {
    return raw_sample(i, channels);
  };
  return result;
}

std::shared_ptr<const DataPool> pool_of_one(std::int64_t count = 4) {
  return std::make_shared<const DataPool>(std::vector{member("acdc", count)});
}

torch::Tensor expected_labels(std::int64_t index, const std::vector<std::int64_t>& map) {
  const RawSample raw = raw_sample(index, 3);
  torch::Tensor labels = torch::tensor(map).index({raw.labels.to(torch::kInt64)});
  labels.masked_fill_(raw.field_of_view == 0, kIgnored);
  return labels;
}

std::string dataset_refusal(const SampleOptions& options) {
  try {
    const SegmentationDataset dataset(pool_of_one(), {0, 1}, options, SampleMode::kTrain);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

bool same_sample(const Sample& a, const Sample& b) {
  if (!torch::equal(a.image, b.image) || a.targets.size() != b.targets.size()) return false;
  for (const auto& [task, target] : a.targets)
    if (!torch::equal(target.labels, b.targets.at(task).labels)) return false;
  return a.id.name == b.id.name;
}

TEST(SegmentationDataset, RegionsGiveTheLabelsThatTheyAreMadeOf) {
  std::vector members{member("acdc", 3)};
  members[0].regions = {{"heart", {1, 2, 3}}, {"left", {2, 3}}};
  const auto pool = std::make_shared<const DataPool>(members);
  SampleOptions options;
  options.classes = {"left", "rv", "heart"};
  const SegmentationDataset dataset(pool, {0}, options, SampleMode::kTrain);
  // In the order in which they are first met: myo, lv, rv.
  EXPECT_EQ(dataset.regions(), (std::vector<std::vector<std::int64_t>>{{1, 2}, {3}, {3, 1, 2}}));
  EXPECT_EQ(dataset.tasks().at(kSegmentation), options.classes);
  EXPECT_TRUE(torch::equal(dataset.get(0).targets.at(kSegmentation).labels,
                           expected_labels(0, {0, 3, 1, 2})));

  options.classes = {"lv", "rv"};
  EXPECT_TRUE(SegmentationDataset(pool, {0}, options, SampleMode::kTrain).regions().empty());
}

TEST(SegmentationDataset, ClassesAreTheStudysInItsOrderAndOthersBackground) {
  SampleOptions options;
  options.classes = {"lv", "rv"};
  const SegmentationDataset dataset(pool_of_one(), {2, 0}, options, SampleMode::kTrain);
  const Sample sample = dataset.get(0);
  EXPECT_EQ(sample.id.name, "p2/0");
  EXPECT_TRUE(
      torch::equal(sample.targets.at(kSegmentation).labels, expected_labels(2, {0, 2, 0, 1})));
  EXPECT_EQ(sample.image.sizes(), (std::vector<std::int64_t>{3, 42, 30}));
  EXPECT_EQ(sample.image.scalar_type(), torch::kFloat32);
}

TEST(SegmentationDataset, LabelsOutsideTheFieldOfViewAreIgnored) {
  const SegmentationDataset dataset(pool_of_one(), {0}, {}, SampleMode::kEvaluate);
  const torch::Tensor labels = dataset.get(0).targets.at(kSegmentation).labels;
  EXPECT_TRUE(labels.slice(0, 0, 2).eq(kIgnored).all().item<bool>());
  EXPECT_TRUE(labels.slice(0, 2).ge(0).all().item<bool>());
}

TEST(SegmentationDataset, TasksHaveTargetsOfTheirOwn) {
  SampleOptions options;
  options.tasks = {{"lv"}, {"myo", "lv"}};
  const SegmentationDataset dataset(pool_of_one(), {0}, options, SampleMode::kTrain);
  const Targets targets = dataset.get(0).targets;
  ASSERT_EQ(targets.size(), 2U);
  EXPECT_TRUE(torch::equal(targets.at("lv").labels, expected_labels(0, {0, 0, 0, 1})));
  EXPECT_TRUE(torch::equal(targets.at("myo+lv").labels, expected_labels(0, {0, 0, 1, 2})));
  EXPECT_EQ(dataset.tasks().at("myo+lv"), (std::vector<std::string>{"myo", "lv"}));
}

TEST(SegmentationDataset, APatchIsTheWholeImagesPixels) {
  SampleOptions options;
  options.normalization = "zscore";
  const SegmentationDataset whole(pool_of_one(), {1}, options, SampleMode::kTrain);
  options.patch = {{16, 12}, 0.5, 1};
  const SegmentationDataset patches(pool_of_one(), {1}, options, SampleMode::kTrain);
  const Sample image = whole.get(0);
  bool differ = false;
  for (std::int64_t number = 0; number < 5; ++number) {
    const Sample patch = patches.get(0, {0, number});
    ASSERT_EQ(patch.image.sizes(), (std::vector<std::int64_t>{3, 16, 12}));
    int found = 0;
    for (std::int64_t top = 0; top + 16 <= 41; ++top)
      for (std::int64_t left = 0; left + 12 <= 30; ++left) {
        const Window window{top, left, {16, 12}};
        found += torch::equal(cut(image.image, window, 0), patch.image) &&
                         torch::equal(cut(image.targets.at(kSegmentation).labels, window, 0),
                                      patch.targets.at(kSegmentation).labels)
                     ? 1
                     : 0;
      }
    EXPECT_EQ(found, 1);
    differ = differ || !same_sample(patch, patches.get(0, {0, 0}));
  }
  EXPECT_TRUE(differ) << "all patches of an image are the same";
}

TEST(SegmentationDataset, ARotatedPatchOfTheMiddleHasNoIgnoredCorners) {
  SampleOptions options;
  options.augmentation = make_augmentation("rotate", {.probability = 1, .degrees = 45});
  options.patch = {{16, 12}, 0, 1};
  PoolMember big = member("big", 1);
  big.sizes = {{400, 400}};
  big.read = [](std::int64_t, const torch::Tensor&) {
    return RawSample{torch::full({3, 400, 400}, 9, torch::kUInt8),
                     torch::ones({400, 400}, torch::kUInt8),
                     {},
                     {}};
  };
  const SegmentationDataset dataset(std::make_shared<const DataPool>(std::vector{big}), {0},
                                    options, SampleMode::kTrain);
  int clean = 0;
  for (std::int64_t number = 0; number < 50; ++number)
    clean += dataset.get(0, {0, number}).targets.at(kSegmentation).labels.eq(1).all().item<bool>();
  EXPECT_GE(clean, 40);  // but for patches at the image's border
}

TEST(SegmentationDataset, ASampleIsAFunctionOfEpochAndDrawNotOfItsPlaceInTheSplit) {
  SampleOptions options;
  options.augmentation = make_augmentation("flip_rotate", {.probability = 1});
  options.seed = 3;
  const SegmentationDataset all(pool_of_one(), {0, 1, 2, 3}, options, SampleMode::kTrain);
  const SegmentationDataset one(pool_of_one(), {2}, options, SampleMode::kTrain);
  EXPECT_TRUE(same_sample(all.get(5, {2, 0}), one.get(5, {0, 0})));
  EXPECT_FALSE(same_sample(all.get(5, {2, 0}), all.get(6, {2, 0})));
  EXPECT_FALSE(same_sample(all.get(5, {2, 0}), all.get(5, {2, 1})));
}

TEST(SegmentationDataset, EvaluationIsNeverAugmentedAndKeepsTheTruthAtItsOwnSize) {
  SampleOptions options;
  options.augmentation = make_augmentation("flip_rotate", {.probability = 1});
  options.patch = {{16, 12}, 1, 1};
  options.resize = ResizeMode::kStretch;
  options.size = {32, 32};
  const SegmentationDataset dataset(pool_of_one(), {1}, options, SampleMode::kEvaluate);
  const EvaluationSample sample = dataset.evaluate(0);
  EXPECT_EQ(sample.sample.image.sizes(), (std::vector<std::int64_t>{3, 32, 32}));
  EXPECT_TRUE(
      torch::equal(sample.truth.at(kSegmentation).labels, expected_labels(1, {0, 1, 2, 3})));
  EXPECT_TRUE(same_sample(sample.sample, dataset.get(7, {0, 0})));
  EXPECT_EQ(restore(torch::rand({3, 32, 32}), sample.placement).sizes(),
            (std::vector<std::int64_t>{3, 41, 30}));
}

TEST(SegmentationDataset, ExtentIsKnownWithoutReading) {
  SampleOptions options;
  for (const ResizeMode mode : {ResizeMode::kNone, ResizeMode::kPad}) {
    options.resize = mode;
    options.size = {64, 48};
    for (const Extent& patch : std::vector<Extent>{{}, {16, 12}}) {
      options.patch.extent = patch;
      const SegmentationDataset dataset(pool_of_one(), {3}, options, SampleMode::kTrain);
      const torch::Tensor image = dataset.get(0).image;
      EXPECT_EQ(dataset.extent(0), (Extent{image.size(1), image.size(2)}));
    }
  }
}

TEST(SegmentationDataset, WhatCannotBeIsRefusedBeforeReading) {
  SampleOptions options;
  options.classes = {"lvv"};
  EXPECT_EQ(dataset_refusal(options),
            "[classes of 'acdc'] unknown name 'lvv'; did you mean 'lv'? known: rv myo lv");
  options.classes = {"lv", "lv"};
  EXPECT_EQ(dataset_refusal(options), "[classes] 'lv' stands twice; once is allowed");
  options = {};
  options.normalization = "zscores";
  EXPECT_NE(dataset_refusal(options), "accepted");
  options = {};
  options.resize = ResizeMode::kStretch;
  EXPECT_EQ(dataset_refusal(options), "[resize] a target of 0 x 0; at least 1 x 1 is allowed");
}

TEST(SegmentationDataset, AReadersErrorNamesTheSample) {
  PoolMember broken = member("acdc", 2);
  broken.read = [](std::int64_t, const torch::Tensor&) -> RawSample {
    throw std::runtime_error("[acdc.h5] torn chunk");
  };
  const SegmentationDataset dataset(std::make_shared<const DataPool>(std::vector{broken}), {1}, {},
                                    SampleMode::kTrain);
  try {
    dataset.get(0);
    FAIL() << "the error was swallowed";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "[sample 'p1/0'] [acdc.h5] torn chunk");
  }
  EXPECT_THROW(dataset.get(1), std::out_of_range);
}

TEST(DataPool, NamesakesOfSeveralFilesStayApart) {
  const DataPool pool({member("a", 2, 3, 0.25), member("b", 3, 3, 0.75)});
  EXPECT_EQ(pool.samples()[2].name, "b:p0/0");
  EXPECT_EQ(pool.samples()[2].patient, "b:p0");
  EXPECT_EQ(pool.samples()[2].source, "b:training");
  EXPECT_EQ(pool.samples()[2].index, 0);
  EXPECT_EQ(pool.read(4).id.name, "b:p2/0");
  EXPECT_TRUE(torch::equal(pool.read(4).image, raw_sample(2, 3).image));
  const auto drawing = pool.drawing({3, 0, 2});
  EXPECT_EQ(drawing.indices, (std::vector<std::int64_t>{0, 3, 2}));
  ASSERT_EQ(drawing.shares.size(), 2U);
  EXPECT_EQ(drawing.shares[1].samples, 2);
  EXPECT_EQ(drawing.shares[1].weight, 0.75);
  EXPECT_EQ(DataPool({member("a", 2)}).samples()[0].name, "p0/0");
}

TEST(DataPool, ADataFileIsAMember) {
  const TemporaryFolder folder;
  write_made_file(folder / "hearts.h5", 4);
  const auto file = std::make_shared<const DataFile>(folder / "hearts.h5");
  const auto pool = std::make_shared<const DataPool>(std::vector{pool_member(file, 2)});
  EXPECT_EQ(pool->members()[0].name, "hearts");
  EXPECT_EQ(pool->members()[0].weight, 2);
  EXPECT_EQ(pool->samples()[3].name, "case1_ED/1");
  SampleOptions options;
  options.classes = {"lv"};
  const SegmentationDataset dataset(pool, {3}, options, SampleMode::kTrain);
  const RawSample raw = made_sample(3);
  const Sample sample = dataset.get(0);
  EXPECT_EQ(sample.image.size(0), 3);
  EXPECT_TRUE(torch::equal(sample.image[2], raw.image[0].to(torch::kFloat32)));
  EXPECT_TRUE(
      torch::equal(sample.targets.at(kSegmentation).labels, raw.labels.eq(3).to(torch::kInt64)));
}

TEST(DataPool, ReadsOnceWhatFitsInTheCache) {
  std::atomic<int> reads = 0;
  PoolMember counted = member("a", 3);
  counted.read = [&reads](std::int64_t i, const torch::Tensor&) {
    ++reads;
    return raw_sample(i, 3);
  };
  const std::int64_t first = 40 * 30 * 5;  // three channels, labels, field of view
  const DataPool pool({counted}, first + 10);
  for (int i = 0; i < 3; ++i) {
    pool.read(0);
    pool.read(1);
  }
  EXPECT_EQ(reads, 1 + 3);
  EXPECT_EQ(pool.cached_bytes(), first);
}

TEST(DataPool, RefusesWhatCannotBePooled) {
  EXPECT_THROW(DataPool({}), std::invalid_argument);
  EXPECT_THROW(DataPool({member("a", 1), member("a", 1)}), std::invalid_argument);
  EXPECT_THROW(DataPool({member("a", 1, 3), member("b", 1, 1)}), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::datasets
