#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "datasets/converters/converters.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

/// tests/golden/data_files.py made the digests with nibabel and Pillow.
class EveryRealDataSet : public testing::TestWithParam<const char*> {};

TEST_P(EveryRealDataSet, HasThePixelsNamesAndSpacingThatOtherReadersSee) {
  const std::filesystem::path source = real_data(GetParam());
  if (source.empty()) GTEST_SKIP() << "the real data are absent (MEDSWEEP_TEST_DATA)";
  std::ifstream numbers(std::filesystem::path(MEDSWEEP_SOURCE_DIR) /
                        "tests/golden/data_files.json");
  const nlohmann::json expected = nlohmann::json::parse(numbers)[GetParam()];
  const TemporaryFolder folder;
  convert(GetParam(), {.source = source, .output = folder / "a.h5"});
  const DataFile file(folder / "a.h5");
  EXPECT_EQ(file.digest(), expected["digest"]);
  ASSERT_EQ(file.samples().size(), expected["samples"].size());
  for (const SampleId& id : file.samples())
    EXPECT_EQ(file.sample_digest(id.index), expected["samples"].value(id.name, "not there"))
        << id.name;
}

INSTANTIATE_TEST_SUITE_P(Sets, EveryRealDataSet, testing::Values("acdc", "drive"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace medsweep::datasets
