#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <fstream>

#include "datasets/converters/image_files.h"
#include "runner/lung_conversion.h"
#include "runner/sweep.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;
using datasets::ConverterOptions;
using datasets::ConverterReport;
using datasets::DataFile;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

/// Made-up X-rays with the lungs drawn; another seed, other chests.
fs::path chests(const fs::path& folder, std::int64_t patients, std::uint64_t seed) {
  ConverterOptions options;
  options.output = folder / ("chests" + std::to_string(seed) + ".h5");
  options.phantom.kind = "lungs";
  options.phantom.patients = patients;
  options.phantom.size = 64;
  options.phantom.seed = seed;
  datasets::convert("phantom", options);
  return options.output;
}

/// A study of two trials, trained once for all tests: one that finds lungs, and one whose threshold
/// nothing reaches.
class LungModelOfATrial : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::path(testing::TempDir()) / "lungs";
    fs::create_directories(folder_);
    std::ofstream(folder_ / "lungs.toml")
        << "name = \"lungs\"\n[trial]\ndataset = \"" << chests(folder_, 16, 1).string() << R"("
model = { name = "unet", width = 8, depth = 3 }
color_mode = "gray"
loss = "bce"
classes = ["left_lung", "right_lung"]
epochs = 25
batch_size = 4
precision = "fp32"
[axes]
threshold = [0.5, 0.9999999]
[split]
validation = 0.25
)";
    SweepOptions options;
    options.study = folder_ / "lungs.toml";
    options.runs = {folder_ / "runs"};
    ASSERT_EQ(run_sweep(options, *single_communicator()), kDone);
    const FrozenStudy study = study_of_results(options.study, options.runs);
    for (const sweeps::Trial& trial : study.trials) {
      names_.push_back("lungs/" + trial.name);
      identities_.push_back(trial.identity);
    }
    ASSERT_EQ(names_.size(), 2u);
    write_class_folders();
  }

  /// The chests of another seed as PNG in class folders.
  static void write_class_folders() {
    const DataFile truth(chests(folder_, 6, 2));
    for (std::int64_t i = 0; i < 6; ++i) {
      const fs::path folder = folder_ / "cxr/train" / (i % 2 == 0 ? "NORMAL" : "PNEUMONIA");
      fs::create_directories(folder);
      datasets::write_png(folder / ("p" + std::to_string(i) + ".png"), truth.read(i).image[0]);
    }
  }

  static ConverterOptions options(const std::string& output) {
    ConverterOptions options;
    options.source = folder_ / "cxr";
    options.output = folder_ / output;
    options.threads = 2;
    return options;
  }
  static LungModels models(const std::vector<std::string>& trials) {
    return LungModels(trials, {folder_ / "runs"});
  }
  /// Sample -> the truth that it was made of.
  static datasets::RawSample truth_of(const std::string& name) {
    return DataFile(folder_ / "chests2.h5").read(name.back() - '0');
  }

  static inline fs::path folder_;
  static inline std::vector<std::string> names_, identities_;
};

double overlap(const torch::Tensor& one, const torch::Tensor& other) {
  const double both = one.logical_and(other).sum().item<double>();
  return 2 * both / (one.sum().item<double>() + other.sum().item<double>());
}

TEST_F(LungModelOfATrial, DrawsTheLungsOfOtherImages) {
  const ConverterReport report = convert_with_lungs(options("drawn.h5"), models({names_[0]}));
  EXPECT_THAT(report.notes, Contains("both lungs found: 100.0 % (6 of 6)"));
  EXPECT_THAT(report.notes, Contains(HasSubstr(identities_[0])));
  EXPECT_FALSE(fs::exists(review_file(folder_ / "drawn.h5")));
  const DataFile drawn(folder_ / "drawn.h5");
  ASSERT_EQ(drawn.samples().size(), 6u);
  for (std::int64_t i = 0; i < 6; ++i) {
    const datasets::RawSample sample = drawn.read(i), truth = truth_of(sample.id.name);
    EXPECT_TRUE(sample.image.equal(truth.image)) << "stored as it was, not equalised";
    EXPECT_EQ(sample.id.group,
              sample.id.name.find("NORMAL") != std::string::npos ? "NORMAL" : "PNEUMONIA");
    ASSERT_EQ(sample.instances.boxes.size(0), 2) << sample.id.name;
    for (std::int64_t lung = 1; lung <= 2; ++lung) {
      EXPECT_GT(overlap(sample.labels.eq(lung), truth.labels.eq(lung)), 0.8)
          << sample.id.name << " lung " << lung;
      EXPECT_TRUE(sample.instances.masks[lung - 1].to(torch::kBool).equal(sample.labels.eq(lung)));
    }
  }
}

TEST_F(LungModelOfATrial, WhatItMissesHasNoLabelsAndIsShown) {
  const ConverterReport report = convert_with_lungs(options("missed.h5"), models({names_[1]}));
  EXPECT_THAT(report.notes, Contains("both lungs found: 0.0 % (0 of 6)"));
  EXPECT_THAT(report.notes, Contains(HasSubstr("missed.h5.review.png")));
  const torch::Tensor sheet =
      datasets::read_image(review_file(folder_ / "missed.h5"), datasets::ColorKind::kRgb);
  EXPECT_GT(sheet.size(2), 6 * 300);
  const DataFile missed(folder_ / "missed.h5");
  ASSERT_EQ(missed.samples().size(), 6u);
  for (std::int64_t i = 0; i < 6; ++i) {
    EXPECT_FALSE(missed.read(i).labels.defined());
    EXPECT_FALSE(missed.read(i).instances.defined());
  }
  // A better model at the same place leaves no review of the worse one behind.
  convert_with_lungs(options("missed.h5"), models({names_[0]}));
  EXPECT_FALSE(fs::exists(review_file(folder_ / "missed.h5")));
}

TEST_F(LungModelOfATrial, TheMajorityDecides) {
  const torch::Tensor image = truth_of("0").image;
  const torch::Tensor alone = models({names_[0]}).vote(image);
  EXPECT_GT(alone.sum().item<int>(), 100);
  EXPECT_TRUE(models({names_[0], names_[1], names_[0]}).vote(image).equal(alone));
  EXPECT_EQ(models({names_[0], names_[1]}).vote(image).sum().item<int>(), 0) << "half is not more";
}

TEST_F(LungModelOfATrial, MayBeCalledByItsFolderOrACheckpoint) {
  const fs::path trial = folder_ / "runs/lungs/trials" / identities_[0];
  const TrainedTrial named = trained_trial(names_[0], {folder_ / "runs"});
  EXPECT_EQ(named.identity, identities_[0]);
  EXPECT_EQ(trained_trial("trial:" + names_[0], {folder_ / "runs"}).weights, named.weights);
  EXPECT_EQ(trained_trial(trial.string(), {}).weights, named.weights);
  EXPECT_EQ(trained_trial(named.weights.string(), {}).weights, named.weights);
  EXPECT_EQ(trained_trial(named.weights.parent_path().string(), {}).weights, named.weights);
  EXPECT_THAT([&] { trained_trial("lungs/unett", {folder_ / "runs"}); },
              testing::ThrowsMessage<std::invalid_argument>(
                  HasSubstr("no trial 'unett' in the study lungs")));
}

TEST_F(LungModelOfATrial, MasksOfTheSourceStay) {
  fs::create_directories(folder_ / "masked/COVID/images");
  fs::create_directories(folder_ / "masked/COVID/masks");
  const datasets::RawSample truth = truth_of("3");
  datasets::write_png(folder_ / "masked/COVID/images/p3.png", truth.image[0]);
  datasets::write_png(folder_ / "masked/COVID/masks/p3.png",
                      truth.labels.ne(0).to(torch::kUInt8) * 255);
  ConverterOptions converter = options("masked.h5");
  converter.source = folder_ / "masked";
  const ConverterReport report = convert_with_lungs(converter, models({names_[1]}));
  EXPECT_THAT(report.notes, Contains("every image has masks of its own: the models drew none"));
  EXPECT_TRUE(DataFile(folder_ / "masked.h5").read(0).labels.equal(truth.labels));
}

TEST_F(LungModelOfATrial, TheSameFileOnAnyNumberOfThreads) {
  ConverterOptions one = options("one.h5"), four = options("four.h5");
  one.threads = 1;
  four.threads = 4;
  const LungModels drawing = models({names_[0]});
  EXPECT_EQ(convert_with_lungs(one, drawing).digest, convert_with_lungs(four, drawing).digest);
}

}  // namespace
}  // namespace medsweep::runner
