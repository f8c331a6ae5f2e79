#include "runner/trial_augmentation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <stdexcept>

#include "datasets/augmentation/augmentation.h"
#include "runner/augmentation_picture.h"
#include "runner/knob_options.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::runner {
namespace {

using testing::HasSubstr;

datasets::View noisy_view() {
  torch::manual_seed(4);
  return {torch::rand({3, 80, 90}), torch::randint(0, 3, {80, 90}).to(torch::kInt16)};
}

TEST(TrialAugmentation, DefaultsOfTheStudyLanguageAreThoseOfTheRows) {
  for (const Row& row : datasets::augmentation_rows()) {
    nlohmann::json options{{"name", row.name}};
    for (const sweeps::Knob& option : options_of("augmentation", row.name))
      options[std::string(option.key)] = nlohmann::json::parse(option.default_value);
    const datasets::Augmentation told = make_augmentation({{std::string(row.name), options}});
    const datasets::Augmentation own = datasets::make_augmentation(row.name);
    EXPECT_EQ(told.degrees, own.degrees) << row.name;
    EXPECT_EQ(told.pixels, own.pixels) << row.name;
    for (std::uint64_t number = 0; number < 8; ++number) {
      datasets::View a = noisy_view(), b = noisy_view();
      RandomStream first({number}), second({number});
      told.apply(a, first);
      own.apply(b, second);
      EXPECT_TRUE(torch::equal(a.image, b.image)) << row.name;
      EXPECT_TRUE(torch::equal(a.labels, b.labels)) << row.name;
    }
  }
}

TEST(TrialAugmentation, EveryOptionReachesItsRow) {
  for (const Row& row : datasets::augmentation_rows())
    for (const sweeps::Knob& option : options_of("augmentation", row.name)) {
      // A value that no row allows is refused only where it is read.
      const bool word = option.type == sweeps::KnobType::kString;
      nlohmann::json options{{"name", row.name}};
      options[std::string(option.key)] = word ? nlohmann::json("no such word") : nlohmann::json(-1);
      EXPECT_THROW(make_augmentation({{std::string(row.name), options}}), std::invalid_argument)
          << row.name << "." << option.key;
    }
}

TEST(AugmentationPicture, ReadsWhatAStudyMayWrite) {
  EXPECT_EQ(augmentation_from("elastic").at(0).get("magnitude", 0.0), 8);
  EXPECT_EQ(augmentation_from("elastic").at(0).get("probability", 0.0), 1) << "to be seen";
  const auto list =
      augmentation_from("[\"flip\", { name = \"blur\", blur = 5, probability = 0.2 }]");
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1].get("probability", 0.0), 0.2);
  try {
    augmentation_from("elastik");
    FAIL() << "an unknown row was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("unknown name 'elastik'; did you mean 'elastic'?"));
  }
  EXPECT_THROW(augmentation_from("{ name = \"blur\", blur = -1 }"), std::invalid_argument);
}

TEST(AugmentationPicture, ShowsSamplesAsTheyAreAndInFiveDraws) {
  const datasets::TemporaryFolder folder;
  datasets::DataFileWriter writer(folder / "a.h5", {.name = "made", .classes = {"a", "b", "c"}});
  for (std::int64_t i = 0; i < 3; ++i) writer.add(datasets::made_sample(i, torch::kInt16));
  writer.finish();
  const datasets::DataFile file(folder / "a.h5");
  const auto sheet = [&](const char* text) {
    return augmentation_sheet(file, augmentation_from(text), "made");
  };
  const torch::Tensor none = sheet("none"), bent = sheet("elastic");
  EXPECT_EQ(none.scalar_type(), torch::kUInt8);
  EXPECT_EQ(none.sizes(), bent.sizes());
  EXPECT_GT(none.size(1), 3 * 320);
  EXPECT_GT(none.size(2), 6 * 320);
  EXPECT_TRUE(torch::equal(bent, sheet("elastic")));
  const torch::Tensor changed = (none != bent).any(0).any(0);
  EXPECT_FALSE(changed.slice(0, 0, 320).any().item<bool>()) << "the first column is the sample";
  EXPECT_TRUE(changed.slice(0, 340).any().item<bool>());
}

}  // namespace
}  // namespace medsweep::runner
