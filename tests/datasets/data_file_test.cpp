#include "datasets/data_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/files.h"
#include "base/random.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

void expect_same(const RawSample& read, const RawSample& written) {
  EXPECT_EQ(read.image.scalar_type(), written.image.scalar_type());
  EXPECT_TRUE(torch::equal(read.image, written.image));
  EXPECT_TRUE(torch::equal(read.labels, written.labels));
  ASSERT_EQ(read.field_of_view.defined(), written.field_of_view.defined());
  if (read.field_of_view.defined()) {
    EXPECT_TRUE(torch::equal(read.field_of_view, written.field_of_view));
  }
  EXPECT_EQ(read.id.name, written.id.name);
  EXPECT_EQ(read.id.case_name, written.id.case_name);
  EXPECT_EQ(read.id.patient, written.id.patient);
  EXPECT_EQ(read.id.group, written.id.group);
  EXPECT_EQ(read.id.source, written.id.source);
  EXPECT_EQ(read.id.slice, written.id.slice);
  EXPECT_EQ(read.id.spacing, written.id.spacing);
}

class EveryStoredType : public testing::TestWithParam<torch::ScalarType> {};

TEST_P(EveryStoredType, ReadsBackAsWritten) {
  const TemporaryFolder folder;
  std::vector<RawSample> written;
  for (std::int64_t i = 0; i < 5; ++i) written.push_back(made_sample(i, GetParam(), 3));
  written[1].field_of_view = (written[1].labels > 1).to(torch::kUInt8);
  written[3].id.spacing.clear();
  DataFileWriter writer(folder / "a.h5",
                        {.name = "made", .classes = {"a", "b", "c"}, .channels = 3});
  for (const RawSample& sample : written) writer.add(sample);
  const std::string digest = writer.finish();

  const DataFile file(folder / "a.h5");

  EXPECT_EQ(file.name(), "made");
  EXPECT_EQ(file.classes(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(file.channels(), 3);
  EXPECT_EQ(file.digest(), digest);
  ASSERT_EQ(file.samples().size(), 5u);
  for (std::int64_t i = 0; i < 5; ++i) {
    SCOPED_TRACE(i);
    const RawSample read = file.read(i);
    expect_same(read, written[static_cast<std::size_t>(i)]);
    EXPECT_EQ(read.id.index, i);
    EXPECT_EQ(file.sizes()[static_cast<std::size_t>(i)], (Extent{20 + i, 31}));
    EXPECT_EQ(digest_of(read), file.sample_digest(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Types, EveryStoredType,
                         testing::Values(torch::kUInt8, torch::kInt16, torch::kFloat32),
                         [](const auto& info) { return torch::toString(info.param); });

TEST(DataFileTest, TheSameSamplesGiveTheSameBytes) {
  const TemporaryFolder folder;
  write_made_file(folder / "a.h5", 6);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // another second: no times inside
  write_made_file(folder / "b.h5", 6);
  EXPECT_EQ(read_file(folder / "a.h5"), read_file(folder / "b.h5"));
}

TEST(DataFileTest, DigestDependsOnPixelsNamesAndSpacing) {
  const std::string digest = digest_of(made_sample(0));
  RawSample other = made_sample(0);
  other.image[0][3][4] += 1;
  EXPECT_NE(digest_of(other), digest);
  other = made_sample(0);
  other.labels[3][4] += 1;
  EXPECT_NE(digest_of(other), digest);
  other = made_sample(0);
  other.id.patient = "somebody";
  EXPECT_NE(digest_of(other), digest);
  other = made_sample(0);
  other.id.spacing[1] += 1e-9;
  EXPECT_NE(digest_of(other), digest);
  EXPECT_EQ(digest_of(made_sample(0)), digest);
}

TEST(DataFileTest, ThreadsReadTheSameAsOne) {
  const TemporaryFolder folder;
  write_made_file(folder / "a.h5", 8);
  const DataFile file(folder / "a.h5");
  std::vector<std::vector<std::string>> digests(4);
  std::vector<std::thread> threads;
  for (auto& found : digests)
    threads.emplace_back([&file, &found] {
      for (int round = 0; round < 20; ++round)
        for (std::int64_t i = 0; i < 8; ++i) found.push_back(digest_of(file.read(i)));
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& found : digests)
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_EQ(found[i], file.sample_digest(static_cast<std::int64_t>(i % 8)));
}

/// Whatever h5repack does to a file, it reads the same.
class EveryRepacking : public testing::TestWithParam<const char*> {};

TEST_P(EveryRepacking, ReadsTheSame) {
  if (std::system("command -v h5repack >/dev/null") != 0)
    GTEST_SKIP() << "h5repack is not installed (hdf5-tools)";
  for (const torch::ScalarType type : {torch::kUInt8, torch::kInt16, torch::kFloat32}) {
    const TemporaryFolder folder;
    write_made_file(folder / "a.h5", 6, type);
    const std::string command = fmt::format("h5repack {} {} {}", GetParam(),
                                            (folder / "a.h5").string(), (folder / "b.h5").string());
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
    ASSERT_NE(read_file(folder / "a.h5"), read_file(folder / "b.h5"));
    const DataFile before(folder / "a.h5"), after(folder / "b.h5");
    EXPECT_EQ(after.digest(), before.digest());
    for (std::int64_t i = 0; i < 6; ++i) expect_same(after.read(i), before.read(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Options, EveryRepacking,
                         testing::Values("", "-f NONE", "-f GZIP=9", "-f SHUF -f GZIP=1",
                                         "-l CONTI", "-l CHUNK=8x8", "-f FLET"));

TEST(DataFileTest, DamagedPixelsAreAnErrorThatNamesFileAndSample) {
  const TemporaryFolder folder;
  write_made_file(folder / "a.h5", 4);
  std::string bytes = read_file(folder / "a.h5");
  const std::size_t zlib = bytes.find("\x78\x01");  // the first chunk's beginning
  ASSERT_NE(zlib, std::string::npos);
  bytes[zlib + 40] = static_cast<char>(bytes[zlib + 40] ^ 0x10);
  std::ofstream(folder / "a.h5", std::ios::binary) << bytes;
  const DataFile file(folder / "a.h5");
  EXPECT_THAT([&] { file.read(0); },
              ThrowsMessage<std::runtime_error>(
                  fmt::format("[{}] sample 'case0_ED/0', image: checksum differs: damaged or "
                              "changed since it was prepared",
                              (folder / "a.h5").string())));
  EXPECT_NO_THROW(file.read(1));
}

TEST(DataFileTest, ATruncatedFileIsRefusedByName) {
  const TemporaryFolder folder;
  write_made_file(folder / "a.h5", 4);
  std::filesystem::resize_file(folder / "a.h5", std::filesystem::file_size(folder / "a.h5") / 2);
  EXPECT_THAT([&] { DataFile(folder / "a.h5"); },
              ThrowsMessage<std::runtime_error>(HasSubstr((folder / "a.h5").string())));
}

TEST(DataFileTest, AFlippedBitAnywhereIsAnErrorOrWithoutEffect) {
  const TemporaryFolder folder;
  write_made_file(folder / "a.h5", 3);
  const std::string bytes = read_file(folder / "a.h5");
  RandomStream stream{20};
  int errors = 0;
  for (int round = 0; round < 200; ++round) {
    std::string damaged = bytes;
    const auto at = static_cast<std::size_t>(stream.below(std::ssize(bytes)));
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << stream.below(8)));
    std::ofstream(folder / "b.h5", std::ios::binary) << damaged;
    try {
      const DataFile file(folder / "b.h5");
      for (std::int64_t i = 0; i < 3; ++i)
        ASSERT_EQ(digest_of(file.read(i)), digest_of(made_sample(i))) << "byte " << at;
    } catch (const std::invalid_argument&) {
      ++errors;
    } catch (const std::runtime_error&) {
      ++errors;
    }
  }
  EXPECT_GT(errors, 20);
}

TEST(DataFileTest, AnotherProcessMayHoldALock) {
  const TemporaryFolder folder;
  write_made_file(folder / "a.h5", 2);
  const FileDescriptor other(open((folder / "a.h5").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(other.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(DataFile(folder / "a.h5").samples().size(), 2u);
}

TEST(DataFileTest, OtherFilesAreRefusedByName) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.h5", "a text");
  EXPECT_THAT([&] { DataFile(folder / "a.h5"); },
              ThrowsMessage<std::invalid_argument>(fmt::format(
                  "[{}] is not an HDF5 file; a data file of `runner prepare` is allowed",
                  (folder / "a.h5").string())));
  EXPECT_THAT([&] { DataFile(folder / "none.h5"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("none.h5] cannot be read")));
}

TEST(DataFileTest, AnIndexOutsideIsOutOfRange) {
  const TemporaryFolder folder;
  write_made_file(folder / "a.h5", 2);
  const DataFile file(folder / "a.h5");
  EXPECT_THROW(file.read(2), std::out_of_range);
  EXPECT_THROW(file.read(-1), std::out_of_range);
}

TEST(Summarize, SaysWhatPlanningNeedsAndNothingForAFileThatIsNotThere) {
  const TemporaryFolder folder;
  EXPECT_FALSE(summarize(folder / "a.h5").has_value());
  const std::string digest = write_made_file(folder / "a.h5", 5);
  const std::optional<DataFileSummary> summary = summarize(folder / "a.h5");
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->digest, digest);
  EXPECT_EQ(summary->samples, 5);
  EXPECT_EQ(summary->patients, 3);
  EXPECT_EQ(summary->channels, 1);
  EXPECT_EQ(summary->sizes[4], (Extent{24, 31}));
  EXPECT_EQ(summary->bytes, static_cast<std::int64_t>(std::filesystem::file_size(folder / "a.h5")));
}

TEST(DataFileWriterTest, WithoutFinishNothingIsLeftAndTheOldFileStays) {
  const TemporaryFolder folder;
  const std::string digest = write_made_file(folder / "a.h5", 2);
  {
    DataFileWriter writer(folder / "a.h5", {.name = "made", .classes = {"rv"}, .channels = 1});
    EXPECT_EQ(folder.names().size(), 2u);
  }
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"a.h5"}));
  EXPECT_EQ(DataFile(folder / "a.h5").digest(), digest);
}

TEST(DataFileWriterTest, ADiskThatIsFullLeavesNothing) {
  const TemporaryFolder folder;
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 8192, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(write_made_file(folder / "a.h5", 40), std::runtime_error);
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(folder.names(), IsEmpty());
  EXPECT_NO_THROW(write_made_file(folder / "b.h5", 2)) << "the library is unusable afterwards";
}

TEST(DataFileWriterTest, RefusesWhatTheLayoutCannotHoldAndNamesTheSample) {
  const TemporaryFolder folder;
  DataFileWriter writer(folder / "a.h5", {.name = "made", .classes = {"a", "b"}, .channels = 1});
  const auto refused = [&](RawSample sample, const std::string& what) {
    EXPECT_THAT([&] { writer.add(sample); }, ThrowsMessage<std::invalid_argument>(HasSubstr(what)));
  };
  RawSample good = made_sample(0);
  good.labels = good.labels.clamp_max(2);
  RawSample sample = good;
  sample.labels = good.labels + 1;
  refused(sample, "[sample case0_ED/0] label 3; 0 to 2 are allowed");
  sample = good;
  sample.labels = good.labels.narrow(0, 0, 5);
  refused(sample, "its labels are not [H, W] uint8");
  sample = good;
  sample.image = good.image.repeat({3, 1, 1});
  refused(sample, "its image is not [1, H, W]");
  sample = good;
  sample.image = good.image.to(torch::kFloat64);
  refused(sample, "uint8, int16 and float32 are allowed");
  sample = good;
  sample.image = good.image.to(torch::kFloat32) / 0;
  refused(sample, "infinite values");
  sample = good;
  sample.id.name = "../a";
  refused(sample, "no path of groups");
  sample = good;
  sample.id.patient = "a\nb";
  refused(sample, "control characters");
  sample = good;
  sample.id.spacing = {1, 0, 1};
  refused(sample, "three positive lengths");
  writer.add(good);
  refused(good, "a second one of this name");
}

TEST(DataFileWriterTest, NoSamplesAreRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { write_made_file(folder / "a.h5", 0); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("no samples")));
  EXPECT_THAT(folder.names(), IsEmpty());
}

}  // namespace
}  // namespace medsweep::datasets
