#include "sweeps/source_digests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "tests/sweeps/example_schema.h"

namespace medsweep::sweeps {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

/// A small tree of the project's form: a table with two rows, a network that uses the table.
class SourceTree : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("base/catalog.h", "template <typename Make> struct Entry {};\n");
    folder_.write("models/layers.h", "struct Layer;\n");
    folder_.write("models/layers.cpp", "#include \"models/layers.h\"\n");
    folder_.write("models/se.h", "#include \"models/layers.h\"\n");
    folder_.write("models/se.cpp", "#include \"models/se.h\"\n");
    folder_.write("models/pam.h", "struct Pam;\n");
    folder_.write("models/pam.cpp", "#include \"models/pam.h\"\n");
    folder_.write("models/attention.h", "#include \"base/catalog.h\"\nvoid make();\n");
    folder_.write("models/attention.cpp",
                  "#include \"models/attention.h\"\n#include \"models/se.h\"\n"
                  "#include \"models/pam.h\"\nconstexpr std::array kTable{\n    Entry<Make>{}};\n");
    folder_.write("models/unet.h", "struct UNet;\n");
    folder_.write("models/unet.cpp",
                  "#include \"models/unet.h\"\n#include \"models/attention.h\"\n");
    folder_.write("runner/trainer.h", "void train();\n");
    folder_.write("runner/trainer.cpp", "// #include \"models/unet.h\"\n#include <vector>\n");
    before_ = source_digests(folder_.path());
  }
  std::vector<std::string> changed_by(const std::string& file) {
    folder_.write(file, read_file(folder_.path() / file) + "// edited\n");
    std::vector<std::string> changed;
    for (const auto& [stem, digest] : source_digests(folder_.path()))
      if (before_.at(stem) != digest) changed.push_back(stem);
    return changed;
  }
  const StudyFolder folder_{"source_tree"};
  std::map<std::string, std::string> before_;
};

TEST_F(SourceTree, ARowChangesItselfAndItsTableButNotWhatUsesTheTable) {
  EXPECT_THAT(changed_by("models/se.cpp"), ElementsAre("models/attention", "models/se"));
}

TEST_F(SourceTree, WhatIsIncludedCountsWithItsSource) {
  EXPECT_THAT(changed_by("models/layers.cpp"),
              ElementsAre("models/attention", "models/layers", "models/se"));
}

TEST_F(SourceTree, ATablesHeaderCountsForItsUsers) {
  EXPECT_THAT(changed_by("models/attention.h"), ElementsAre("models/attention", "models/unet"));
}

TEST_F(SourceTree, AnIncludeInACommentIsNone) {
  EXPECT_THAT(changed_by("models/unet.h"), ElementsAre("models/unet"));
}

TEST_F(SourceTree, EditingOneSourceMakesExactlyTheTrialsThatUseItNew) {
  const std::string text =
      "[trial]\ndataset = \"a.h5\"\nmodel = \"unet\"\n[axes]\nattention = [\"none\", \"se\", "
      "\"pam\"]\n[repeat]\nseeds = [0, 1]\n";
  const auto load = [&] {
    Schema schema = example_schema();
    for (const auto& [stem, digest] : source_digests(folder_.path()))
      schema.source_digests[stem] = digest;
    return load_text(text, {}, schema);
  };
  const Study before = load();
  changed_by("models/se.cpp");
  const Study after = load();
  std::vector<std::string> fresh;
  for (std::size_t i = 0; i < before.trials.size(); ++i)
    if (before.trials[i].identity != after.trials[i].identity)
      fresh.push_back(after.trials[i].name);
  EXPECT_THAT(fresh, ElementsAre("se-s0", "se-s1"));
}

TEST(SourceDigests, OfThisProjectHoldEveryPair) {
  const auto digests = source_digests(MEDSWEEP_SOURCE_DIR);
  EXPECT_TRUE(digests.contains("base/random"));
  EXPECT_TRUE(digests.contains("sweeps/study"));
  EXPECT_EQ(digests.at("base/random").size(), 64U);
}

}  // namespace
}  // namespace medsweep::sweeps
