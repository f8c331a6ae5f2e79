#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>

#include "base/files.h"
#include "base/random.h"
#include "datasets/hdf5_file.h"
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

  /// Without the flush to the disk of write_file_atomically: thousands of files.
  static void write_quickly(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), std::ssize(bytes));
  }

  /// What is read from it; nothing where it is refused with a text that names the file.
  std::optional<std::string> outcome(const std::string& damaged) const {
    write_quickly(folder_ / "damaged.h5", damaged);
    try {
      return contents(folder_ / "damaged.h5");
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("damaged.h5"));
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("damaged.h5"));
    }
    return std::nullopt;
  }

  /// Reads the same from it, or refuses it. True: refused.
  bool refused(const std::string& damaged) const {
    const std::optional<std::string> read = outcome(damaged);
    EXPECT_EQ(read.value_or(whole_), whole_);
    return !read;
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

/// Changes one number of a table below /index, as a writer with an error would: HDF5's own
/// checksums fit again. Some changes are sound (the position of a slice).
class DamagedIndex : public DamagedDataFile {
 protected:
  std::string damaged_index(const char* table, RandomStream& stream) const {
    const std::filesystem::path path = folder_ / "index.h5";
    write_quickly(path, bytes_);
    const std::lock_guard lock(hdf5_mutex());
    const Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "test", "open");
    {
      const Hdf5Handle data(H5Dopen2(file.get(), table, H5P_DEFAULT), "test", table);
      const Hdf5Handle type(H5Dget_type(data.get()), "test", table);
      const Hdf5Handle space(H5Dget_space(data.get()), "test", table);
      const std::size_t row_bytes = H5Tget_size(type.get());
      const std::int64_t rows = H5Sget_simple_extent_npoints(space.get());
      std::string cells(row_bytes * static_cast<std::size_t>(rows), '\0');
      check_hdf5(H5Dread(data.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, cells.data()),
                 "test", "read");
      change_one(type.get(),
                 cells.data() + row_bytes * static_cast<std::size_t>(stream.below(rows)), stream);
      check_hdf5(H5Dwrite(data.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, cells.data()),
                 "test", "write");
    }
    check_hdf5(H5Fflush(file.get(), H5F_SCOPE_GLOBAL), "test", "flush");
    return read_file(path);
  }

 private:
  static void change_one(hid_t type, char* row, RandomStream& stream) {
    const auto columns = static_cast<unsigned>(H5Tget_nmembers(type));
    unsigned column = 0;
    do {
      column = static_cast<unsigned>(stream.below(columns));
    } while (H5Tget_member_class(type, column) != H5T_INTEGER);
    char* const cell = row + H5Tget_member_offset(type, column);
    std::int64_t value = 0;
    std::memcpy(&value, cell, sizeof(value));
    const std::vector<std::int64_t> others{0,
                                           -1,
                                           1,
                                           2,
                                           value + 1,
                                           value - 1,
                                           value * 2,
                                           std::int64_t{1} << 31,
                                           INT64_MAX,
                                           INT64_MIN,
                                           1'000'000,
                                           -(std::int64_t{1} << 40),
                                           std::int64_t{1} << 62};
    value = others[static_cast<std::size_t>(stream.below(std::ssize(others)))];
    std::memcpy(cell, &value, sizeof(value));
  }
};

TEST_F(DamagedIndex, NumbersThatDoNotFitAreRefusedNotFollowed) {
  RandomStream stream({7, 4});
  for (const char* table : {"/index/arrays", "/index/chunks", "/index/samples"})
    for (int i = 0; i < 300; ++i) {
      outcome(damaged_index(table, stream));
      ASSERT_FALSE(HasFailure()) << table << ", round " << i;
    }
}

}  // namespace
}  // namespace medsweep::datasets
