#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "base/digest.h"
#include "base/files.h"
#include "datasets/converters/conversion.h"
#include "tests/datasets/test_samples.h"

namespace medsweep::datasets {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::ThrowsMessage;

PatientHash with_key(const std::filesystem::path& key, const std::filesystem::path& output = {}) {
  ConverterOptions options;
  options.output = output;
  options.patient_key = key;
  return PatientHash(options);
}

/// A folder with a key of 16 bytes, the shortest.
class PatientHashTest : public testing::Test {
 protected:
  void SetUp() override { write_file_atomically(folder_ / "key", "0123456789abcdef"); }
  PatientHash keyed(const std::string& output = "a.h5") const {
    return with_key(folder_ / "key", folder_ / output);
  }
  PatientHash random(const std::string& output = "a.h5") const {
    return PatientHash({.output = folder_ / output});
  }
  TemporaryFolder folder_;
};

TEST_F(PatientHashTest, APseudonymIsTheBeginningOfTheHmac) {
  EXPECT_EQ(keyed()("patient7"),
            "~" + hmac_sha256_hex("0123456789abcdef", "patient7").substr(0, 20));
  EXPECT_THAT(keyed()("patient7"), MatchesRegex("~[0-9a-f]{20}"));
}

TEST_F(PatientHashTest, OneKeyGivesOnePersonOneNameInAllFiles) {
  EXPECT_EQ(keyed("a.h5")("x"), keyed("b.h5")("x"));
  EXPECT_NE(keyed()("x"), keyed()("y"));
  write_file_atomically(folder_ / "other", "0123456789abcdeF");
  EXPECT_NE(keyed()("x"), with_key(folder_ / "other")("x"));
}

TEST_F(PatientHashTest, AKeysLineEndIsPartOfIt) {
  const std::string before = keyed()("x");
  write_file_atomically(folder_ / "key", "0123456789abcdef\n");
  EXPECT_NE(keyed()("x"), before);
}

TEST_F(PatientHashTest, WithoutAKeyEachOutputHasItsOwn) {
  EXPECT_NE(random("a.h5")("x"), random("b.h5")("x"));
}

TEST_F(PatientHashTest, AResumedConversionGoesOnWithItsKey) {
  const std::string first = random()("x");
  EXPECT_EQ(random()("x"), first);
  std::filesystem::remove_all(folder_ / "a.h5.partial");
  EXPECT_NE(random()("x"), first);
}

TEST_F(PatientHashTest, TheRandomKeyIsLongAndItsOwnersAlone) {
  random()("x");
  const auto key = folder_ / "a.h5.partial/key";
  EXPECT_EQ(std::filesystem::file_size(key), 32u);
  EXPECT_EQ(std::filesystem::status(key).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(PatientHashTest, NothingIsLeftWhereNobodyIsHashedOrAKeyIsGiven) {
  std::filesystem::create_directory(folder_ / "out");
  const PatientHash never = random("out/a.h5");
  keyed("out/b.h5")("x");
  EXPECT_THAT(std::filesystem::directory_iterator(folder_ / "out"),
              std::filesystem::directory_iterator());
}

TEST_F(PatientHashTest, ThreadsAgree) {
  std::vector<std::future<std::string>> threads;
  for (int i = 0; i < 8; ++i)
    threads.push_back(std::async(std::launch::async, [this] { return random()("x"); }));
  for (auto& thread : threads) EXPECT_EQ(thread.get(), random()("x"));
}

TEST_F(PatientHashTest, AMissingOrShortKeyIsNamed) {
  EXPECT_THAT([&] { with_key(folder_ / "none"); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("none] no such file")));
  write_file_atomically(folder_ / "key", "0123456789abcde");
  EXPECT_THAT([&] { keyed(); }, ThrowsMessage<std::invalid_argument>(
                                    HasSubstr("key] a key of 15 bytes; 16 or more are allowed")));
}

TEST_F(PatientHashTest, AnOutputInNoFolderIsAnError) {
  EXPECT_THROW(random("none/a.h5")("x"), std::runtime_error);
}

}  // namespace
}  // namespace medsweep::datasets
