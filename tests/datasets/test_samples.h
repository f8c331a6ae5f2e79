#pragma once

#include <stdlib.h>
#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "datasets/data_file.h"
#include "datasets/data_file_writer.h"

namespace medsweep::datasets {

/// A folder of its own for each test, gone after it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "medsweep-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("[test] no temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  /// The names inside, to see what is left behind.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      found.push_back(entry.path().filename().string());
    return found;
  }

 private:
  std::filesystem::path path_;
};

/// The real data sets; empty where they are absent: skip then, with the reason.
inline std::filesystem::path real_data(const std::string& name) {
  const char* root = std::getenv("MEDSWEEP_TEST_DATA");
  const std::filesystem::path path =
      (root != nullptr ? std::filesystem::path(root)
                       : std::filesystem::path(MEDSWEEP_SOURCE_DIR) / "../shared/data") /
      name;
  return std::filesystem::exists(path) ? path : std::filesystem::path();
}

/// A made-up sample; `number` decides its size and pixels.
inline RawSample made_sample(std::int64_t number, torch::ScalarType type = torch::kInt16,
                             std::int64_t channels = 1) {
  const std::int64_t height = 20 + number, width = 31;
  RawSample sample;
  sample.image = (torch::arange(channels * height * width).reshape({channels, height, width}) *
                  (7 + number) % 251)
                     .to(type);
  sample.labels = (torch::arange(height * width).reshape({height, width}) * (3 + number) / 11 % 4)
                      .to(torch::kUInt8);
  sample.id.name = "case" + std::to_string(number / 2) + "_ED/" + std::to_string(number % 2);
  sample.id.case_name = "case" + std::to_string(number / 2) + "_ED";
  sample.id.patient = "case" + std::to_string(number / 2);
  sample.id.group = number % 2 == 0 ? "DCM" : "";
  sample.id.source = "training";
  sample.id.slice = number % 2;
  sample.id.spacing = {10, 1.5625, 1.25};
  return sample;
}

/// Writes `count` made-up samples with the classes rv, myo, lv. Returns the digest.
inline std::string write_made_file(const std::filesystem::path& path, std::int64_t count,
                                   torch::ScalarType type = torch::kInt16) {
  DataFileWriter writer(path, {.name = "made", .classes = {"rv", "myo", "lv"}, .channels = 1});
  for (std::int64_t i = 0; i < count; ++i) writer.add(made_sample(i, type));
  return writer.finish();
}

}  // namespace medsweep::datasets
