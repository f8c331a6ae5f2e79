#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <opencv2/imgproc.hpp>
#include <set>

#include "datasets/converters/phantom.h"
#include "datasets/converters/phantom_blobs.h"
#include "datasets/converters/phantom_lungs.h"
#include "datasets/converters/phantom_opacities.h"
#include "datasets/converters/phantom_vessels.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

std::int64_t pixels_of(const torch::Tensor& mask) { return mask.ne(0).sum().item<std::int64_t>(); }

double mean_where(const torch::Tensor& plane, const torch::Tensor& mask) {
  return plane.masked_select(mask.ne(0)).to(torch::kFloat64).mean().item<double>();
}

double dice_of(const torch::Tensor& a, const torch::Tensor& b) {
  return 2.0 * static_cast<double>(pixels_of(a.logical_and(b))) /
         static_cast<double>(pixels_of(a) + pixels_of(b));
}

/// Of the best threshold on the grey levels, either way: what needs no learning.
double best_threshold_dice(const torch::Tensor& plane, const torch::Tensor& mask,
                           const torch::Tensor& field) {
  double best = 0;
  for (int level = 5; level < 250; level += 5)
    for (const bool above : {true, false}) {
      const torch::Tensor guess = (above ? plane.gt(level) : plane.lt(level)).logical_and(field);
      best = std::max(best, dice_of(guess, mask));
    }
  return best;
}

class EveryPhantom : public testing::TestWithParam<Row> {
 protected:
  ConverterOptions options() const {
    return {.output = folder_ / "a.h5",
            .phantom = {.kind = std::string(GetParam().name),
                        .patients = 4,
                        .slices = 8,
                        .size = 64,
                        .seed = 3}};
  }
  TemporaryFolder folder_;
};

TEST_P(EveryPhantom, IsTheSameOnAnyNumberOfThreadsAndAnotherWithAnotherSeed) {
  ConverterOptions made = options();
  made.threads = 1;
  const std::string digest = convert("phantom", made).digest;
  made.threads = 3;
  EXPECT_EQ(convert("phantom", made).digest, digest);
  made.phantom.seed = 4;
  EXPECT_NE(convert("phantom", made).digest, digest);
}

TEST_P(EveryPhantom, MorePatientsOnlyAdd) {
  ConverterOptions more = options();
  more.phantom.patients = 6;
  const ConversionPlan few = plan_phantom(options()), many = plan_phantom(more);
  ASSERT_EQ(many.items.size(), 6U);
  for (const std::size_t i : {0U, 3U}) {
    EXPECT_EQ(few.items[i].name, many.items[i].name);
    const auto a = few.items[i].read(), b = many.items[i].read();
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t k = 0; k < a.size(); ++k) EXPECT_EQ(digest_of(a[k]), digest_of(b[k]));
  }
}

TEST_P(EveryPhantom, HasPatientsGroupsAndLabelsOfEveryClass) {
  convert("phantom", options());
  const DataFile file(folder_ / "a.h5");
  std::set<std::string> patients, groups;
  std::set<std::int64_t> labels;
  for (std::int64_t i = 0; i < std::ssize(file.samples()); ++i) {
    const SampleId& id = file.samples()[static_cast<std::size_t>(i)];
    patients.insert(id.patient);
    groups.insert(id.group);
    const torch::Tensor values = std::get<0>(torch::_unique(file.read(i).labels));
    for (std::int64_t k = 0; k < values.size(0); ++k) labels.insert(values[k].item<std::int64_t>());
  }
  EXPECT_THAT(patients,
              testing::ElementsAre("patient001", "patient002", "patient003", "patient004"));
  EXPECT_GE(groups.size(), 2U);
  for (std::int64_t label = 0; label <= std::ssize(file.classes()); ++label)
    EXPECT_TRUE(labels.contains(label)) << "label " << label;
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryPhantom, testing::ValuesIn(phantom_rows()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(PhantomVessels, AreDarkInGreenWithinTheFieldAndNoThresholdFindsThem) {
  for (std::int64_t patient = 0; patient < 3; ++patient)
    for (std::int64_t eye = 0; eye < 2; ++eye) {
      SCOPED_TRACE(patient);
      const RawSample sample = phantom_retina({.size = 256}, patient, eye);
      ASSERT_EQ(sample.image.sizes(), (std::vector<std::int64_t>{3, 256, 256}));
      EXPECT_EQ(pixels_of(sample.labels.logical_and(sample.field_of_view.eq(0))), 0);
      EXPECT_EQ(pixels_of(sample.image[1].logical_and(sample.field_of_view.eq(0))), 0);
      const double share = static_cast<double>(pixels_of(sample.labels)) /
                           static_cast<double>(pixels_of(sample.field_of_view));
      EXPECT_GT(share, 0.06);
      EXPECT_LT(share, 0.20);
      const torch::Tensor ground = sample.field_of_view.logical_and(sample.labels.eq(0));
      EXPECT_LT(mean_where(sample.image[1], sample.labels) + 10,
                mean_where(sample.image[1], ground));
      EXPECT_LT(best_threshold_dice(sample.image[1], sample.labels, sample.field_of_view), 0.8);
    }
}

TEST(PhantomVessels, TwoObserversAgreeMostlyAndNotWholly) {
  for (std::int64_t patient = 0; patient < 3; ++patient) {
    const RawSample sample = phantom_retina({.size = 256}, patient, 0);
    const double agreement = dice_of(sample.labels, sample.second_observer);
    EXPECT_GT(agreement, 0.75);
    EXPECT_LT(agreement, 0.98);
  }
}

/// Of a photograph of the left eye the optic disc, which is next to the nose, is on the left.
TEST(PhantomVessels, TheDiscIsOnTheNosesSideOfEachEye) {
  for (const std::int64_t eye : {0, 1}) {
    const RawSample sample = phantom_retina({.size = 128}, 0, eye);
    EXPECT_EQ(sample.id.name, eye == 0 ? "patient001_L" : "patient001_R");
    const torch::Tensor bright = sample.image[1].gt(170).nonzero();
    ASSERT_GT(bright.size(0), 20);
    const double column = bright.select(1, 1).to(torch::kFloat64).mean().item<double>();
    EXPECT_TRUE(eye == 0 ? column < 50 : column > 78) << column;
  }
}

TEST(PhantomLungs, LeftIsThePatientsLeftOnTheRightSideOfTheImage) {
  for (std::int64_t patient = 0; patient < 6; ++patient) {
    const RawSample sample = phantom_chest_image({.size = 128}, patient);
    std::map<std::int64_t, double> column;
    for (const std::int64_t label : {1, 2}) {
      const torch::Tensor mask = sample.labels.eq(label);
      EXPECT_GT(pixels_of(mask), 128 * 128 / 20);
      column[label] = mask.nonzero().select(1, 1).to(torch::kFloat64).mean().item<double>();
    }
    EXPECT_GT(column[1], 64);
    EXPECT_LT(column[2], 64);
  }
}

TEST(PhantomLungs, EachLungIsOnePieceAndAnInstanceWithItsBox) {
  for (std::int64_t patient = 0; patient < 6; ++patient) {
    const RawSample sample = phantom_chest_image({.size = 128}, patient);
    const Instances& lungs = sample.instances;
    ASSERT_EQ(lungs.boxes.sizes(), (std::vector<std::int64_t>{2, 4}));
    for (std::int64_t n = 0; n < 2; ++n) {
      EXPECT_EQ(lungs.labels[n].item<int>(), n + 1);
      torch::Tensor mask = lungs.masks[n].contiguous();
      EXPECT_TRUE(torch::equal(mask.ne(0), sample.labels.eq(n + 1)));
      const cv::Mat plane(128, 128, CV_8UC1, mask.mutable_data_ptr());
      cv::Mat pieces;
      EXPECT_EQ(cv::connectedComponents(plane, pieces), 2) << "lung and ground";
      const cv::Rect box = cv::boundingRect(plane);
      const std::vector<float> expected{static_cast<float>(box.x), static_cast<float>(box.y),
                                        static_cast<float>(box.x + box.width),
                                        static_cast<float>(box.y + box.height)};
      EXPECT_TRUE(torch::equal(lungs.boxes[n], torch::tensor(expected)));
    }
  }
}

TEST(PhantomLungs, AreDarkerThanTheBodyAndNoThresholdFindsThem) {
  const RawSample sample = phantom_chest_image({.size = 128}, 1);
  const torch::Tensor body = sample.labels.eq(0).logical_and(sample.image[0].gt(60));
  EXPECT_LT(mean_where(sample.image[0], sample.labels) + 30, mean_where(sample.image[0], body));
  EXPECT_LT(
      best_threshold_dice(sample.image[0], sample.labels.ne(0), torch::ones_like(sample.labels)),
      0.85);
}

TEST(PhantomOpacities, HalfOfThePatientsHaveOneToThreeInTheLungsAndTheOthersNone) {
  std::set<std::int64_t> counts;
  for (std::int64_t patient = 0; patient < 40; ++patient) {
    SCOPED_TRACE(patient);
    const RawSample sample = phantom_opacity_image({.size = 96}, patient);
    const Instances& found = sample.instances;
    ASSERT_TRUE(found.defined());
    const std::int64_t count = found.boxes.size(0);
    EXPECT_EQ(count > 0, patient % 2 == 1);
    EXPECT_EQ(count > 0, sample.id.group == "lung_opacity");
    counts.insert(count);
    torch::Tensor together = torch::zeros({96, 96}, torch::kUInt8);
    for (std::int64_t n = 0; n < count; ++n) {
      const auto side = [&](std::int64_t k) {
        return static_cast<std::int64_t>(found.boxes[n][k].item<float>());
      };
      EXPECT_GE(side(0), 0);
      EXPECT_LE(side(2), 96);
      EXPECT_GT(side(2) - side(0), 4);
      EXPECT_GT(side(3) - side(1), 4);
      torch::Tensor box = torch::zeros({96, 96}, torch::kUInt8);
      box.slice(0, side(1), side(3)).slice(1, side(0), side(2)).fill_(1);
      EXPECT_TRUE(torch::equal(found.masks[n], box));
      together = together.maximum(box);
    }
    EXPECT_TRUE(torch::equal(sample.labels, together));
  }
  EXPECT_EQ(counts, (std::set<std::int64_t>{0, 1, 2, 3}));
}

TEST(PhantomOpacities, AreBrighterThanTheSameLungWithoutThem) {
  double inside = 0, outside = 0;
  for (std::int64_t patient = 1; patient < 40; patient += 2) {
    const RawSample sample = phantom_opacity_image({.size = 96}, patient);
    inside += mean_where(sample.image[0], sample.labels);
    const torch::Tensor lung = sample.image[0].gt(30).logical_and(sample.image[0].lt(110));
    outside += mean_where(sample.image[0], lung.logical_and(sample.labels.eq(0)));
  }
  EXPECT_GT(inside, outside + 20 * 15);
}

TEST(PhantomBlobs, TumoursAreNestedAndRegionsOverlap) {
  for (std::int64_t patient = 0; patient < 4; ++patient) {
    SCOPED_TRACE(patient);
    const RawSample head = phantom_head({.slices = 24, .size = 64}, patient);
    ASSERT_EQ(head.image.sizes(), (std::vector<std::int64_t>{2, 24, 64, 64}));
    EXPECT_GT(pixels_of(head.labels.eq(1)), 20);
    EXPECT_GT(pixels_of(head.labels.eq(2)), 200);
    EXPECT_EQ(pixels_of(head.labels.eq(3)) > 0, patient % 4 != 1);
    EXPECT_EQ(pixels_of(head.labels.ne(0).logical_and(head.image[0].eq(0))), 0)
        << "outside the brain";
    // Around a core where something enhances comes no oedema: the rim is between them.
    if (patient % 4 == 1) continue;
    const torch::Tensor core = head.labels.eq(1);
    const torch::Tensor beside = core.slice(2, 1).logical_and(head.labels.slice(2, 0, -1).eq(2));
    EXPECT_LT(pixels_of(beside), pixels_of(core) / 20);
  }
}

TEST(PhantomBlobs, TheFileKnowsRegionsCodesAndGeometry) {
  const TemporaryFolder folder;
  convert("phantom", {.output = folder / "a.h5",
                      .phantom = {.kind = "blobs", .patients = 2, .slices = 16, .size = 48}});
  const DataFile file(folder / "a.h5");
  EXPECT_EQ(file.header().regions,
            (std::vector<Region>{{"wt", {1, 2, 3}}, {"tc", {1, 3}}, {"et", {3}}}));
  EXPECT_EQ(file.header().label_codes, (std::vector<std::int64_t>{1, 2, 4}));
  for (const SampleId& id : file.samples()) {
    ASSERT_EQ(id.affine.size(), 12U);
    ASSERT_EQ(id.spacing.size(), 3U);
    EXPECT_GT(id.spacing[0], 1.5 * id.spacing[1]);
    for (std::size_t axis = 0; axis < 3; ++axis) {  // columns x, y, z; spacing of D, H, W
      const double length = std::hypot(id.affine[axis], id.affine[4 + axis], id.affine[8 + axis]);
      EXPECT_NEAR(length, id.spacing[2 - axis], 1e-9);
    }
  }
}

TEST(PhantomBlobs, EachModalityShowsWhatTheOtherHides) {
  const RawSample head = phantom_head({.slices = 24, .size = 64}, 0);
  const auto mean = [&](std::int64_t channel, std::int64_t label) {
    return mean_where(head.image[channel], head.labels.eq(label));
  };
  EXPECT_GT(mean(0, 2), mean(0, 1) + 80);   // oedema in the first
  EXPECT_GT(mean(1, 3), mean(1, 2) + 200);  // the rim in the second
  const RawSample one = phantom_head({.slices = 24, .size = 64, .channels = 1}, 0);
  EXPECT_EQ(one.image.size(0), 1);
  EXPECT_TRUE(torch::equal(one.labels, head.labels));
}

}  // namespace
}  // namespace medsweep::datasets
