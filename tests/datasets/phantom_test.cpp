#include "datasets/converters/phantom.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <opencv2/imgproc.hpp>
#include <set>

#include "base/digest.h"
#include "base/files.h"
#include "datasets/converters/phantom_hearts.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

const PhantomOptions kSmall{.patients = 4, .slices = 3, .size = 64, .seed = 7};

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

std::string bytes_of(const torch::Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

/// Tables of the documentation rest on these hearts: no edit may move a pixel.
TEST(Phantom, HeartsAreTheSameInEveryVersion) {
  const std::vector<std::pair<PhantomOptions, std::string>> known{
      {{.slices = 6}, "bbe7ba2a87dfa82dda810e6cd1f0fe7d2011a935fd81450fd54c95c94c9467cf"},
      {kSmall, "eb1382a3e5c8b3ac83497cfa8ca974bef6155e530557c5f77fc0f912ce331df0"},
      {{.patients = 2, .slices = 1, .size = 32},
       "9969f92087146951f9ade403d753c0359d4334b9c9602573ee4ae7577ba4c00c"}};
  std::string all;  // each digest is of all hearts so far
  for (const auto& [options, digest] : known) {
    for (std::int64_t patient = 0; patient < 2; ++patient)
      for (std::int64_t phase = 0; phase < 2; ++phase)
        for (std::int64_t slice = 0; slice < options.slices; ++slice) {
          const RawSample sample = phantom_slice(options, patient, phase, slice);
          all += bytes_of(sample.image) + bytes_of(sample.labels) + sample.id.name +
                 sample.id.patient + sample.id.group + std::to_string(sample.id.spacing[1]);
        }
    EXPECT_EQ(sha256_hex(all), digest) << "size " << options.size;
  }
}

TEST(Phantom, WithoutSlicesAHeartHasSix) {
  PhantomOptions six = kSmall, own = kSmall;
  six.slices = 6;
  own.slices = 0;
  EXPECT_EQ(digest_of(phantom_slice(own, 1, 0, 5)), digest_of(phantom_slice(six, 1, 0, 5)));
}

TEST(Phantom, HeartsAsVolumesAreTheSameHearts) {
  const TemporaryFolder folder;
  convert("phantom", {.source = {}, .output = folder / "a.h5", .dimension = 3, .phantom = kSmall});
  const DataFile file(folder / "a.h5");
  EXPECT_EQ(file.header().dimension, 3);
  ASSERT_EQ(file.samples().size(), 8U);
  EXPECT_EQ(file.samples()[5].name, "patient003_ES");
  EXPECT_EQ(file.sizes()[5], (Extent{64, 64, 3}));
  const RawSample volume = file.read(5);
  for (std::int64_t slice = 0; slice < 3; ++slice) {
    const RawSample one = phantom_slice(kSmall, 2, 1, slice);
    EXPECT_TRUE(torch::equal(volume.image.select(1, slice), one.image));
    EXPECT_TRUE(torch::equal(volume.labels[slice], one.labels));
    EXPECT_EQ(volume.id.spacing, one.id.spacing);
  }
  EXPECT_TRUE(volume.id.affine.empty());
}

TEST(Phantom, RefusesWhatItCannotDraw) {
  const TemporaryFolder folder;
  const auto refused = [&](ConverterOptions options, const std::string& text) {
    options.output = folder / "a.h5";
    EXPECT_THAT([&] { convert("phantom", options); },
                ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
    EXPECT_TRUE(folder.names().empty());
  };
  refused({.phantom = {.patients = 0}}, "[phantom] 0 patients");
  refused({.phantom = {.kind = "lung"}}, "unknown name 'lung'; did you mean 'lungs'?");
  refused({.dimension = 3, .phantom = {.kind = "lungs"}}, "[phantom] dimension 3; lungs have 2");
  refused({.dimension = 2, .phantom = {.kind = "blobs"}}, "[phantom] dimension 2; blobs have 3");
  refused({.phantom = {.kind = "blobs", .channels = 3}}, "[phantom] 3 channels; blobs have 1 or 2");
}

}  // namespace
}  // namespace medsweep::datasets
