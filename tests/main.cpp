#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

/// Runs the tests with a temporary folder (testing::TempDir()) of this process's own: tests of one
/// name run at the same time in several processes.
int main(int argc, char** argv) {
  std::string folder = (std::filesystem::temp_directory_path() / "medsweep_test_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  setenv("TEST_TMPDIR", (folder + "/").c_str(), 1);
  testing::InitGoogleTest(&argc, argv);
  const int failed = RUN_ALL_TESTS();
  std::filesystem::remove_all(folder);
  return failed;
}
