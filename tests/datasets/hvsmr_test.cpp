#include "datasets/converters/hvsmr.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datasets/made_volumes.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class Hvsmr : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"training_axial_crop_pat0", "training_axial_crop_pat1",
                             "training_sa_crop_pat0", "testing_axial_crop_pat10"}) {
      put_volume(file(name), made_volume({3, 4, 5}));
      if (std::string(name).starts_with("training"))
        put_volume(file(std::string(name) + "-label"),
                   made_volume({3, 4, 5}).remainder(3).to(torch::kUInt8));
    }
  }
  std::filesystem::path file(const std::string& stem) const {
    return folder_ / "in" / (stem + ".nii.gz");
  }
  DataFile converted(const ConverterOptions& given = {}) const {
    ConverterOptions options = given;
    options.source = folder_ / "in";
    options.output = folder_ / "a.h5";
    report_ = convert("hvsmr", options);
    return DataFile(options.output);
  }
  mutable ConverterReport report_;
  TemporaryFolder folder_;
};

TEST_F(Hvsmr, KindsOfOnePatientStayTogetherAndTestingHasNoLabels) {
  const DataFile file = converted();
  EXPECT_THAT(file.classes(), ElementsAre("myocardium", "blood_pool"));
  ASSERT_EQ(file.samples().size(), 4u);
  EXPECT_EQ(file.samples()[0].name, "testing_axial_crop_pat10");
  EXPECT_EQ(file.samples()[0].source, "testing");
  EXPECT_EQ(file.samples()[1].patient, "pat0");
  EXPECT_EQ(file.samples()[1].source, "training");
  EXPECT_EQ(file.samples()[3].patient, "pat0");
  EXPECT_FALSE(file.read(0).labels.defined());
  EXPECT_EQ(file.foreground()[0], -1);
  EXPECT_TRUE(torch::equal(file.read(1).image[0], made_volume({3, 4, 5})));
  EXPECT_TRUE(
      torch::equal(file.read(1).labels, made_volume({3, 4, 5}).remainder(3).to(torch::kUInt8)));
  EXPECT_THAT(report_.notes, ElementsAre(HasSubstr("1 volumes have no labels")));
}

TEST_F(Hvsmr, APatternTakesOneKind) {
  EXPECT_EQ(converted({.images = "training_axial_crop_pat*.nii.gz"}).samples().size(), 2u);
}

TEST_F(Hvsmr, TrainingWithoutLabelsIsNamed) {
  std::filesystem::remove(file("training_axial_crop_pat1-label"));
  EXPECT_THAT([&] { converted(); }, ThrowsMessage<std::invalid_argument>(HasSubstr(
                                        "training_axial_crop_pat1.nii.gz] has no mask: "
                                        "training_axial_crop_pat1-label.nii.gz is missing")));
}

TEST_F(Hvsmr, SlicesAreSamplesWhereTheyAreAskedFor) {
  EXPECT_EQ(converted({.dimension = 2}).samples().size(), 12u);
  EXPECT_THAT([&] { converted({.dimension = 4}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("[dimension] 4")));
}

}  // namespace
}  // namespace medsweep::datasets
