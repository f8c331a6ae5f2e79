#include "sweeps/source_digests.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "models/segmentation/networks.h"
#include "runner/knobs.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

/// A copy of this project's sources, to edit.
class ProjectSources : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    for (const char* folder : {"base", "sweeps", "datasets", "models", "runner"})
      fs::copy(fs::path(MEDSWEEP_SOURCE_DIR) / folder, folder_ / folder,
               fs::copy_options::recursive);
  }
  void TearDown() override { fs::remove_all(folder_); }
  const fs::path folder_ = fs::path(testing::TempDir()) / "medsweep_project_sources";
};

TEST_F(ProjectSources, EditingADetectorLeavesTheTrialsOfOtherNetworksAlone) {
  const auto before = sweeps::source_digests(folder_);
  const fs::path file = folder_ / "models/mask_rcnn/mask_rcnn.cpp";
  write_file_atomically(file, read_file(file) + "// edited\n");
  const auto after = sweeps::source_digests(folder_);
  EXPECT_NE(before.at("models/mask_rcnn/mask_rcnn"), after.at("models/mask_rcnn/mask_rcnn"));
  std::vector<std::string> others = make_schema().common_sources;
  for (const Row& row : models::network_rows()) others.emplace_back(row.sources);
  for (const std::string& stem : others) EXPECT_EQ(after.at(stem), before.at(stem)) << stem;
}

}  // namespace
}  // namespace medsweep::runner
