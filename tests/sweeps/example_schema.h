#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sweeps/schema.h"
#include "sweeps/study.h"

namespace medsweep::sweeps {

/// A schema as a program with today's and tomorrow's networks would hand it in. Data files exist
/// where the path does not hold "missing".
Schema example_schema();

/// The same with the networks, attentions and knobs of the first version alone.
Schema first_version_schema();

/// A folder for the files of one test.
class StudyFolder {
 public:
  explicit StudyFolder(std::string_view name)
      : path_(std::filesystem::weakly_canonical(std::filesystem::path(testing::TempDir())) /
              ("medsweep_" + std::string(name))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~StudyFolder() { std::filesystem::remove_all(path_); }
  StudyFolder(const StudyFolder&) = delete;
  StudyFolder& operator=(const StudyFolder&) = delete;

  std::filesystem::path write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// `text` as a study of its own: name and data set are added where they are not there.
Study load_text(std::string_view text, const StudyOptions& options = {},
                const Schema& schema = example_schema());

/// The problems of a study that must have some.
std::vector<std::string> problems_of(std::string_view text, const StudyOptions& options = {});

/// The names of the trials, in their order.
std::vector<std::string> names_of(const Study& study);

}  // namespace medsweep::sweeps
