#include "datasets/staging.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/files.h"

namespace medsweep::datasets {
namespace {

namespace fs = std::filesystem;

class StagingTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "staging.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    file_ = folder_ / "data.h5";
    write_file_atomically(file_, "pixels");
  }
  void TearDown() override {
    remove_staged_files();
    fs::remove_all(folder_);
  }
  std::string local() const { return (folder_ / "local").string(); }
  std::size_t files_in_local() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(local()), {}));
  }

  fs::path folder_, file_;
};

TEST_F(StagingTest, OffIsTheFileItself) { EXPECT_EQ(stage_file(file_, "off").path, file_); }

TEST_F(StagingTest, AutoLeavesAFileOnALocalDiskAlone) {
  const Staged staged = stage_file(file_, "auto");
  EXPECT_EQ(staged.path, file_);
  EXPECT_EQ(staged.note, "");
}

TEST_F(StagingTest, AFolderHoldsOneCopyThatEverybodyUses) {
  const Staged first = stage_file(file_, local()), second = stage_file(file_, local());
  EXPECT_NE(first.path, file_);
  EXPECT_EQ(first.path, second.path);
  EXPECT_EQ(read_file(first.path), "pixels");
  EXPECT_NE(first.note.find("copied to"), std::string::npos);
  EXPECT_EQ(second.note, "");
}

TEST_F(StagingTest, AChangedFileIsCopiedAnew) {
  const fs::path before = stage_file(file_, local()).path;
  write_file_atomically(file_, "other pixels");
  const fs::path after = stage_file(file_, local()).path;
  EXPECT_NE(before, after);
  EXPECT_EQ(read_file(after), "other pixels");
}

TEST_F(StagingTest, WhoMadeACopyRemovesIt) {
  stage_file(file_, local());
  EXPECT_EQ(files_in_local(), 2U);  // the copy and its lock
  remove_staged_files();
  EXPECT_EQ(files_in_local(), 0U);
}

/// Runs `work` in a process of its own; its exit status.
template <typename Work>
pid_t in_child(const Work& work) {
  const pid_t child = fork();
  if (child == 0) {
    bool done = false;
    try {
      done = work();
    } catch (...) {
      done = false;
    }
    _exit(done ? 0 : 1);  // as if killed: nothing is cleaned up
  }
  return child;
}

bool succeeded(pid_t child) {
  int status = 1;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(StagingTest, ProcessesThatStartTogetherShareOneCopy) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i)
    children.push_back(
        in_child([&] { return read_file(stage_file(file_, local()).path) == "pixels"; }));
  for (const pid_t child : children) EXPECT_TRUE(succeeded(child));
  EXPECT_EQ(files_in_local(), 2U);
}

TEST_F(StagingTest, TheCopyOfAKilledProcessIsUsedAndRemovedByItsFinder) {
  EXPECT_TRUE(succeeded(in_child([&] { return stage_file(file_, local()).path != file_; })));
  EXPECT_EQ(files_in_local(), 2U);
  EXPECT_EQ(stage_file(file_, local()).note, "");  // not copied again
  remove_staged_files();
  EXPECT_EQ(files_in_local(), 0U);
}

TEST_F(StagingTest, WhereACopyCannotBeMadeTheFileItselfIsReadAndTheNoteSaysSo) {
  const fs::path occupied = folder_ / "occupied";
  write_file_atomically(occupied, "no folder");
  const Staged staged = stage_file(file_, occupied.string());
  EXPECT_EQ(staged.path, file_);
  EXPECT_NE(staged.note.find("is read in place"), std::string::npos);
}

TEST_F(StagingTest, AMissingFileIsRefused) {
  EXPECT_THROW(stage_file(folder_ / "none.h5", "auto"), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep::datasets
