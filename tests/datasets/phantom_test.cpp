#include "datasets/converters/phantom.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <opencv2/imgproc.hpp>
#include <set>

#include "base/files.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr PhantomOptions kSmall{.patients = 4, .slices = 3, .size = 64, .seed = 7};

std::int64_t count_of(const torch::Tensor& labels, int label) {
  return labels.eq(label).sum().item<std::int64_t>();
}

TEST(Phantom, TheSameOptionsGiveTheSameFile) {
  const TemporaryFolder folder;
  const auto digest = [&](PhantomOptions options) {
    return convert("phantom", {.source = {}, .output = folder / "a.h5", .phantom = options}).digest;
  };
  const std::string first = digest(kSmall);
  const std::string bytes = read_file(folder / "a.h5");
  EXPECT_EQ(digest(kSmall), first);
  EXPECT_EQ(read_file(folder / "a.h5"), bytes);
  PhantomOptions other = kSmall;
  other.seed = 8;
  EXPECT_NE(digest(other), first);
}

TEST(Phantom, MorePatientsOnlyAdd) {
  PhantomOptions more = kSmall;
  more.patients = 9;
  EXPECT_EQ(digest_of(phantom_slice(more, 2, 1, 1)), digest_of(phantom_slice(kSmall, 2, 1, 1)));
}

TEST(Phantom, HasPatientsPhasesSlicesGroupsAndSpacing) {
  const TemporaryFolder folder;
  const ConverterReport report =
      convert("phantom", {.source = {}, .output = folder / "a.h5", .phantom = kSmall});
  EXPECT_EQ(report.samples, 4 * 2 * 3);
  const DataFile file(folder / "a.h5");
  EXPECT_EQ(file.classes(), (std::vector<std::string>{"rv", "myo", "lv"}));
  std::map<std::string, std::set<std::string>> patients, groups;
  std::set<double> spacings;
  for (const SampleId& id : file.samples()) {
    patients[id.patient].insert(id.case_name);
    groups[id.group].insert(id.patient);
    ASSERT_EQ(id.spacing.size(), 3u);
    spacings.insert(id.spacing[1]);
  }
  EXPECT_EQ(patients.size(), 4u);
  EXPECT_EQ(patients["patient003"], (std::set<std::string>{"patient003_ED", "patient003_ES"}));
  EXPECT_EQ(groups["DCM"].size(), 2u);
  EXPECT_EQ(groups["NOR"].size(), 2u);
  EXPECT_EQ(spacings.size(), 4u);
}

TEST(Phantom, BloodLiesInsideTheMyocardiumAndContracts) {
  for (std::int64_t patient = 0; patient < 8; ++patient) {
    SCOPED_TRACE(patient);
    const torch::Tensor diastole = phantom_slice({}, patient, 0, 1).labels;
    const torch::Tensor systole = phantom_slice({}, patient, 1, 1).labels;
    for (const int label : {1, 2, 3}) EXPECT_GT(count_of(diastole, label), 20) << label;
    EXPECT_LT(count_of(systole, 3), count_of(diastole, 3));
    torch::Tensor blood = diastole.eq(3).to(torch::kUInt8).contiguous();
    cv::Mat grown;
    cv::dilate(cv::Mat(128, 128, CV_8UC1, blood.mutable_data_ptr()), grown, cv::Mat());
    const torch::Tensor around =
        torch::from_blob(grown.data, {128, 128}, torch::kUInt8).logical_and(blood.eq(0));
    EXPECT_TRUE(diastole.masked_select(around).eq(2).all().item<bool>());
  }
}

TEST(Phantom, TissuesAreTellableButNotByAThresholdAlone) {
  const RawSample sample = phantom_slice({}, 0, 0, 1);
  const auto mean = [&](int label) {
    return sample.image[0]
        .masked_select(sample.labels.eq(label))
        .to(torch::kFloat32)
        .mean()
        .item<float>();
  };
  EXPECT_GT(mean(3), 1.5F * mean(2));
  const torch::Tensor bright = sample.image[0].gt((mean(3) + mean(2)) / 2);
  EXPECT_GT(bright.logical_and(sample.labels.eq(0)).sum().item<std::int64_t>() +
                count_of(sample.labels, 1),
            100);
}

TEST(Phantom, RefusesWhatItCannotDraw) {
  const TemporaryFolder folder;
  EXPECT_THAT(
      [&] {
        convert("phantom", {.source = {}, .output = folder / "a.h5", .phantom = {.patients = 0}});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("[phantom] 0 patients")));
  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace medsweep::datasets
