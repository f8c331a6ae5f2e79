#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datasets/converters/converters.h"
#include "tests/datasets/made_nifti.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// Every row keeps this contract; a new row is tested before anyone writes a test.
class EveryConverter : public testing::TestWithParam<Row> {
 protected:
  ConverterOptions options() const {
    ConverterOptions options;
    options.output = folder_ / "a.h5";
    options.phantom = {.patients = 2, .slices = 1, .size = 32};
    if (reads_source(GetParam().name)) options.source = real_data(std::string(GetParam().name));
    return options;
  }
  TemporaryFolder folder_;
};

TEST_P(EveryConverter, NamesSourcesThatExistAndASentence) {
  const std::string sources(GetParam().sources);
  for (const char* ending : {".h", ".cpp"})
    EXPECT_TRUE(
        std::filesystem::exists(std::filesystem::path(MEDSWEEP_SOURCE_DIR) / (sources + ending)));
  EXPECT_FALSE(GetParam().sentence.empty());
}

TEST_P(EveryConverter, TellsItsProgressAndGivesTheDigestOfTheFile) {
  if (reads_source(GetParam().name) && options().source.empty())
    GTEST_SKIP() << "the real data are absent (MEDSWEEP_TEST_DATA)";
  std::int64_t calls = 0;
  const ConverterReport report =
      convert(GetParam().name, options(),
              [&](std::int64_t done, std::int64_t total, const std::string& item) {
                EXPECT_EQ(done, ++calls);
                EXPECT_LE(done, total);
                EXPECT_FALSE(item.empty());
              });
  EXPECT_GT(calls, 0);
  const DataFile file(folder_ / "a.h5");
  EXPECT_EQ(report.digest, file.digest());
  EXPECT_EQ(report.samples, std::ssize(file.samples()));
  EXPECT_EQ(file.name(), GetParam().name);
}

TEST_P(EveryConverter, WithAnEmptyOrUnfitSourceLeavesNothing) {
  ConverterOptions unfit = options();
  std::filesystem::create_directory(folder_ / "empty");
  unfit.source = folder_ / "empty";
  if (GetParam().name == "nifti") {  // nothing can be guessed of any NIfTI files
    unfit.images = "*_image.nii.gz";
    unfit.labels = "*_label.nii.gz";
    unfit.classes = {"organ"};
  }
  EXPECT_THAT([&] { convert(GetParam().name, unfit); },
              ThrowsMessage<std::invalid_argument>(HasSubstr((folder_ / "empty").string())));
  EXPECT_EQ(folder_.names(), (std::vector<std::string>{"empty"}));
}

TEST_P(EveryConverter, WithAnOutputInAFolderThatIsNotThereSaysSo) {
  ConverterOptions unfit = options();
  if (reads_source(GetParam().name) && unfit.source.empty())
    GTEST_SKIP() << "the real data are absent (MEDSWEEP_TEST_DATA)";
  unfit.output = folder_ / "none/a.h5";
  EXPECT_THAT(
      [&] { convert(GetParam().name, unfit); },
      ThrowsMessage<std::invalid_argument>(fmt::format(
          "[{}] its folder does not exist; create it first", (folder_ / "none/a.h5").string())));
}

INSTANTIATE_TEST_SUITE_P(Table, EveryConverter, testing::ValuesIn(converter_rows()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Convert, UnknownNameSaysWhichOneIsNearest) {
  EXPECT_THAT(
      [] { convert("adcd", {.source = {}, .output = "a.h5"}); },
      ThrowsMessage<std::invalid_argument>(HasSubstr(
          "[converter] unknown name 'adcd'; did you mean 'acdc'? known: phantom acdc drive")));
}

TEST(Convert, AnOlderOutputStaysWhenTheConversionFails) {
  const TemporaryFolder folder;
  const std::string digest = write_made_file(folder / "a.h5", 2);
  write_made_patient(folder / "in", 1);
  std::filesystem::resize_file(
      folder / "in" / "training" / "patient001" / "patient001_frame12.nii.gz", 500);
  EXPECT_THROW(convert("acdc", {.source = folder / "in", .output = folder / "a.h5"}),
               std::runtime_error);
  EXPECT_EQ(DataFile(folder / "a.h5").digest(), digest);
  for (const std::string& name : folder.names())  // what was done may be kept for the next start
    EXPECT_THAT(name, testing::AnyOf("a.h5", "in", "a.h5.partial"));
}

}  // namespace
}  // namespace medsweep::datasets
