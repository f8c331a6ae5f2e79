#include "base/files.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "base/digest.h"

namespace medsweep {
namespace {

namespace fs = std::filesystem;

TEST(Digest, EqualsThePublishedVectors) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().update("a").update("bc").hex(), sha256_hex("abc"));
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
}

class Files : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  const fs::path folder_ = fs::path(testing::TempDir()) / "medsweep_files_test";
};

TEST_F(Files, AtomicWriteReplacesAndLeavesNothingBeside) {
  write_file_atomically(folder_ / "a", "old");
  write_file_atomically(folder_ / "a", std::string("new\0bytes", 9));
  EXPECT_EQ(read_file(folder_ / "a"), std::string("new\0bytes", 9));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(Files, AFailedWriteKeepsTheOldFile) {
  fs::create_directories(folder_ / "taken");
  EXPECT_THROW(write_file_atomically(folder_ / "taken", "x"), std::runtime_error);
  EXPECT_TRUE(fs::is_directory(folder_ / "taken"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(Files, EveryLengthIsReadWhole) {
  for (const std::size_t length : {0u, 1u, 4095u, 4096u, 4097u, 3'000'000u}) {
    std::string bytes(length, 'x');
    if (length > 0) bytes.back() = 'y';
    write_file_atomically(folder_ / "a", bytes);
    EXPECT_EQ(read_file(folder_ / "a"), bytes) << length;
  }
  EXPECT_NE(read_file("/proc/self/status").find("Pid:"), std::string::npos);  // has no size
}

TEST_F(Files, AFolderIsNoFile) { EXPECT_THROW(read_file(folder_), std::runtime_error); }

TEST_F(Files, MissingFileIsNamed) {
  try {
    read_file(folder_ / "absent");
    FAIL() << "an absent file was read";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), fmt::format("[{}] cannot be read: No such file or directory",
                                        (folder_ / "absent").string()));
  }
}

TEST(ExpandVariables, ReplacesAndNamesWhatIsNotSet) {
  setenv("MEDSWEEP_TEST_VARIABLE", "/data", 1);
  EXPECT_EQ(expand_variables("${MEDSWEEP_TEST_VARIABLE}/a.h5"), "/data/a.h5");
  EXPECT_EQ(expand_variables("plain"), "plain");
  unsetenv("MEDSWEEP_TEST_VARIABLE");
  EXPECT_THROW(expand_variables("${MEDSWEEP_TEST_VARIABLE}/a.h5"), std::invalid_argument);
}

}  // namespace
}  // namespace medsweep
