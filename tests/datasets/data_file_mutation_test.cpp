#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/random.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

/// A small data file with every kind of array, to be damaged.
class DamagedDataFile : public testing::Test {
 protected:
  void SetUp() override {
    DataFileWriter writer(folder_ / "whole.h5",
                          {.name = "made", .classes = {"rv", "myo", "lv"}, .channels = 1});
    for (std::int64_t i = 0; i < 4; ++i) {
      RawSample sample = made_sample(i);
      sample.field_of_view = sample.labels.ne(3).to(torch::kUInt8);
      sample.instances = {.boxes = torch::tensor({{1.F, 2.F, 9.F, 8.F}}),
                          .labels = torch::tensor({2}, torch::kUInt8),
                          .ignore = torch::tensor({0}, torch::kUInt8),
                          .masks = sample.labels.eq(2).to(torch::kUInt8).unsqueeze(0)};
      writer.add(sample);
    }
    writer.finish();
    bytes_ = read_file(folder_ / "whole.h5");
    whole_ = contents(folder_ / "whole.h5");
  }

  /// The digests of what is read, pixel by pixel, and what holds for all samples.
  static std::string contents(const std::filesystem::path& path) {
    const DataFile file(path);
    std::string text = fmt::format("{} {}\n", file.name(), file.digest());
    for (std::int64_t i = 0; i < std::ssize(file.samples()); ++i)
      text += digest_of(file.read(i)) + '\n';
    return text;
  }

  /// Reads the same from it, or refuses it with a text that names the file. True: refused.
  bool refused(const std::string& damaged) const {
    write_file_atomically(folder_ / "damaged.h5", damaged);
    try {
      EXPECT_EQ(contents(folder_ / "damaged.h5"), whole_);
      return false;
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("damaged.h5"));
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("damaged.h5"));
    }
    return true;
  }

  TemporaryFolder folder_;
  std::string bytes_, whole_;
};

TEST_F(DamagedDataFile, ByteByByteItIsReadAsItWasOrRefused) {
  RandomStream stream({7, 2});
  int refusals = 0;
  for (int i = 0; i < 1500; ++i) {
    std::string damaged = bytes_;
    const auto place = static_cast<std::size_t>(stream.below(std::ssize(bytes_)));
    damaged[place] = static_cast<char>(damaged[place] ^ (1 << stream.below(8)));
    if (refused(damaged)) ++refusals;
    ASSERT_FALSE(HasFailure()) << "a flipped bit in byte " << place;
  }
  EXPECT_GT(refusals, 300);  // else the damage is not in what is read
}

TEST_F(DamagedDataFile, SeveralBytesAtOnceLikewise) {
  RandomStream stream({7, 3});
  for (int i = 0; i < 500; ++i) {
    std::string damaged = bytes_;
    for (std::int64_t change = stream.below(32); change >= 0; --change)
      damaged[static_cast<std::size_t>(stream.below(std::ssize(bytes_)))] =
          static_cast<char>(stream.below(256));
    refused(damaged);
    ASSERT_FALSE(HasFailure()) << "round " << i;
  }
}

TEST_F(DamagedDataFile, CutAnywhereItIsRefused) {
  for (std::size_t length = 0; length < bytes_.size(); length += 97)
    ASSERT_TRUE(refused(bytes_.substr(0, length))) << length << " bytes";
}

}  // namespace
}  // namespace medsweep::datasets
