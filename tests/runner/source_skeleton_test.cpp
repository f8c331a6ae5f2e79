#include "runner/source_skeleton.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace medsweep::runner {
namespace {

const std::filesystem::path kRoot = MEDSWEEP_SOURCE_DIR;

class EverySkeleton : public testing::TestWithParam<SkeletonKind> {};

TEST_P(EverySkeleton, IsAFilePairATestAndARowInTheTable) {
  const auto files = source_skeleton(GetParam(), "my_new_thing", kRoot);
  ASSERT_EQ(files.size(), 4U);
  EXPECT_EQ(files[0].path.filename(), "my_new_thing.h");
  EXPECT_EQ(files[1].path.filename(), "my_new_thing.cpp");
  EXPECT_TRUE(files[2].path.string().starts_with("tests/models/")) << files[2].path;
  EXPECT_TRUE(files[2].path.string().ends_with("_test.cpp")) << files[2].path;
  for (const SkeletonFile& file : files) {
    EXPECT_EQ(file.text.find('@'), std::string::npos) << file.path;
    EXPECT_THAT(file.text, testing::HasSubstr("MyNewThing")) << file.path;
  }
}

TEST_P(EverySkeleton, AddsToTheTableAndChangesNothingElse) {
  const auto files = source_skeleton(GetParam(), "my_new_thing", kRoot);
  const std::string before = read_file(kRoot / files[3].path);
  std::string after = files[3].text;
  const std::string include = "#include \"" + files[0].path.string() + "\"\n";
  const std::size_t at = after.find(include);
  ASSERT_NE(at, std::string::npos);
  after.erase(at, include.size());
  const std::size_t row = after.find("    Entry<", after.find("my_new_thing") - 120);
  const std::size_t end = after.find("};\nstatic_assert", row);
  ASSERT_NE(row, std::string::npos);
  EXPECT_THAT(after.substr(row, end - row),
              testing::AllOf(testing::HasSubstr("\"mynewthing\""), testing::HasSubstr("TODO")));
  after.erase(after.rfind("    Entry<", end), end - after.rfind("    Entry<", end));
  EXPECT_EQ(after, before);
}

TEST_P(EverySkeleton, RefusesNamesThatCannotBe) {
  for (const char* name : {"MyThing", "my-thing", "_thing", "2nd", "", "a__b"})
    EXPECT_THROW(source_skeleton(GetParam(), name, kRoot), std::invalid_argument) << name;
  EXPECT_THROW(source_skeleton(GetParam(), "thing", testing::TempDir()), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Kinds, EverySkeleton,
                         testing::Values(SkeletonKind::kAttention, SkeletonKind::kNetwork,
                                         SkeletonKind::kLoss));

TEST(Skeleton, RefusesWhatIsThereAndUnknownKinds) {
  EXPECT_THROW(source_skeleton(SkeletonKind::kLoss, "focal", kRoot), std::invalid_argument);
  EXPECT_THROW(source_skeleton(SkeletonKind::kLoss, "focal_tversky", kRoot), std::invalid_argument);
  EXPECT_THROW(source_skeleton(SkeletonKind::kNetwork, "unet", kRoot), std::invalid_argument);
  EXPECT_THROW(source_skeleton(SkeletonKind::kLoss, "pixels", kRoot), std::invalid_argument);
  EXPECT_THROW(skeleton_kind("losss"), std::invalid_argument);
  EXPECT_EQ(skeleton_kind("loss"), SkeletonKind::kLoss);
}

}  // namespace
}  // namespace medsweep::runner
