#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace medsweep::results {

/// An empty folder of the running test's own, gone after it.
class InTemporaryFolder : public testing::Test {
 protected:
  InTemporaryFolder() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) /
              (std::string("medsweep_") + test->test_suite_name() + "_" + test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~InTemporaryFolder() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

}  // namespace medsweep::results
