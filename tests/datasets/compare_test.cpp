#include "datasets/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Compare : public testing::Test {
 protected:
  Compare() {
    for (std::int64_t i = 0; i < 6; ++i) samples_.push_back(made_sample(i));
  }
  std::filesystem::path write(const std::string& name, const std::vector<RawSample>& samples,
                              const std::vector<std::string>& classes = {"rv", "myo", "lv"}) {
    DataFileWriter writer(folder_ / name, {.name = "made", .classes = classes, .channels = 1});
    for (const RawSample& sample : samples) writer.add(sample);
    writer.finish();
    return folder_ / name;
  }
  Comparison with(const std::vector<RawSample>& after) {
    return compare(write("a.h5", samples_), write("b.h5", after), 2);
  }
  TemporaryFolder folder_;
  std::vector<RawSample> samples_;
};

TEST_F(Compare, TheSameSamplesAreEqual) {
  const Comparison same = with(samples_);
  EXPECT_TRUE(same.equal());
  EXPECT_THAT(same.changed, IsEmpty());
  EXPECT_THAT(to_text(same), HasSubstr("the same samples in the same order"));
}

TEST_F(Compare, NamesWhatWasAddedAndRemoved) {
  std::vector<RawSample> after(samples_.begin() + 2, samples_.end());
  after.push_back(made_sample(7));
  const Comparison found = with(after);
  EXPECT_FALSE(found.equal());
  ASSERT_EQ(found.removed.size(), 2u);
  EXPECT_EQ(found.removed[0].sample, "case0_ED/0");
  ASSERT_EQ(found.added.size(), 1u);
  EXPECT_EQ(found.added[0].case_name, "case3_ED");
  EXPECT_THAT(found.changed, IsEmpty());
  EXPECT_FALSE(found.reordered);
  const std::string text = to_text(found);
  EXPECT_THAT(text, HasSubstr("1 added, 2 removed, 0 changed, of 2 cases"));
  EXPECT_THAT(text, HasSubstr("removed\n  case0_ED (2 samples)\n"));
  EXPECT_THAT(text, HasSubstr("added\n  case3_ED/1\n"));
}

TEST_F(Compare, SaysWhichArrayAndWhichNameChanged) {
  std::vector<RawSample> after;
  for (std::int64_t i = 0; i < 6; ++i) after.push_back(made_sample(i));
  after[0].labels[0][0] = 3;
  after[0].labels[5][5] = after[0].labels[5][5].item<int>() == 1 ? 2 : 1;
  after[1].image = after[1].image.to(torch::kFloat32);
  after[2].id.group = "NOR";
  after[2].id.spacing = {10, 1.5625, 1.5};
  after[3].field_of_view = torch::ones_like(after[3].labels);
  after[4].labels = torch::Tensor();
  const Comparison found = with(after);
  ASSERT_EQ(found.changed.size(), 5u);
  EXPECT_THAT(found.changed[0].what, ElementsAre("labels: 2 of 620 values"));
  EXPECT_THAT(found.changed[1].what, ElementsAre(HasSubstr("image: ")));
  EXPECT_THAT(found.changed[2].what,
              ElementsAre("group: DCM -> NOR", "spacing: 10 1.5625 1.25 -> 10 1.5625 1.5"));
  EXPECT_THAT(found.changed[3].what, ElementsAre("field_of_view: only after"));
  EXPECT_THAT(found.changed[4].what, ElementsAre("labels: only before"));
  EXPECT_THAT(to_text(found, 2), HasSubstr("... and 3 more"));
}

TEST_F(Compare, AnotherOrderAndOtherClassesAreDifferences) {
  std::vector<RawSample> after = samples_;
  std::swap(after[1], after[4]);
  const Comparison found = with(after);
  EXPECT_FALSE(found.equal());
  EXPECT_TRUE(found.reordered);
  EXPECT_THAT(found.changed, IsEmpty());
  const Comparison classes =
      compare(write("a.h5", samples_), write("c.h5", samples_, {"rv", "myo", "lv", "scar"}));
  EXPECT_FALSE(classes.equal());
  EXPECT_THAT(classes.header, ElementsAre("classes: rv myo lv -> rv myo lv scar"));
  EXPECT_THAT(classes.changed, IsEmpty());
}

TEST_F(Compare, ObjectsAreCompared) {
  std::vector<RawSample> after;
  for (std::int64_t i = 0; i < 6; ++i) after.push_back(made_sample(i));
  for (auto* list : {&samples_, &after}) {
    Instances& objects = list->at(0).instances;
    objects.boxes = torch::tensor({1.0F, 2.0F, 5.0F, 6.0F}).reshape({1, 4});
    objects.labels = torch::tensor({1}, torch::kUInt8);
    objects.ignore = torch::tensor({0}, torch::kUInt8);
  }
  after[0].instances.boxes[0][2] = 7.0F;
  const Comparison found = with(after);
  ASSERT_EQ(found.changed.size(), 1u);
  EXPECT_THAT(found.changed[0].what, ElementsAre("boxes: 1 of 4 values"));
}

}  // namespace
}  // namespace medsweep::datasets
