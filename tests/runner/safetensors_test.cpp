#include "runner/safetensors.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/digest.h"
#include "base/files.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

class SafeTensorsFile : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  /// A file of a given header and so many bytes of data.
  void write_raw(const std::string& header, std::size_t data_bytes) const {
    const std::uint64_t length = header.size();
    std::string bytes(sizeof(length), '\0');
    std::memcpy(bytes.data(), &length, sizeof(length));
    std::ofstream(path_, std::ios::binary) << bytes << header << std::string(data_bytes, '\1');
  }

  const fs::path folder_ =
      fs::path(testing::TempDir()) /
      fmt::format("medsweep_{}", testing::UnitTest::GetInstance()->current_test_info()->name());
  const fs::path path_ = folder_ / "a.safetensors";
};

TEST_F(SafeTensorsFile, HoldsTheDocumentedBytes) {
  write_safetensors(path_, {{"b", torch::tensor({1, 2}, torch::kUInt8)},
                            {"a", torch::tensor({3.0F}, torch::kFloat32)}});
  // Wide types first, sorted names, header padded to 8 bytes.
  const std::string header = R"({"a":{"data_offsets":[0,4],"dtype":"F32","shape":[1]},)"
                             R"("b":{"data_offsets":[4,6],"dtype":"U8","shape":[2]}})";
  std::string expected(8, '\0');
  expected[0] = static_cast<char>((header.size() + 7) / 8 * 8);
  expected += header + std::string((8 - header.size() % 8) % 8, ' ');
  expected += std::string("\0\0\x40\x40\1\2", 6);
  EXPECT_EQ(read_file(path_), expected);
}

TEST_F(SafeTensorsFile, GivesBackEveryTypeBitForBit) {
  torch::manual_seed(1);
  Tensors tensors{{"scalar", torch::tensor(2.5)}, {"empty", torch::empty({0, 3})}};
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16})
    tensors[c10::toString(type)] = torch::randn({3, 5}).to(type);
  for (const auto type :
       {torch::kInt64, torch::kInt32, torch::kInt16, torch::kInt8, torch::kUInt8, torch::kBool})
    tensors[c10::toString(type)] = torch::randint(0, 2, {7}).to(type);

  const std::string digest = write_safetensors(path_, tensors, {{"format", "pt"}});

  const SafeTensors file(path_);
  EXPECT_EQ(digest, sha256_hex(read_file(path_)));
  EXPECT_EQ(file.digest(), digest);
  EXPECT_EQ(file.metadata(), (TensorMetadata{{"format", "pt"}}));
  ASSERT_EQ(file.names().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(file.tensor(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(torch::equal(file.tensor(name), tensor)) << name;
  }
}

TEST_F(SafeTensorsFile, WritesValuesRowMajorWhateverTheStrides) {
  const auto tensor =
      torch::arange(48.0).view({2, 3, 4, 2}).contiguous(torch::MemoryFormat::ChannelsLast);
  write_safetensors(path_, {{"x", tensor}, {"y", tensor.transpose(0, 1)}});
  const SafeTensors file(path_);
  EXPECT_TRUE(file.tensor("x").is_contiguous());
  EXPECT_TRUE(torch::equal(file.tensor("x"), tensor));
  EXPECT_TRUE(torch::equal(file.tensor("y"), tensor.transpose(0, 1)));
}

TEST_F(SafeTensorsFile, TensorsOutliveTheReaderAndChangingThemLeavesTheFileAlone) {
  write_safetensors(path_, {{"x", torch::ones(4)}});
  torch::Tensor tensor = SafeTensors(path_).tensor("x");
  tensor.add_(1);
  EXPECT_EQ(tensor.sum().item<double>(), 8);
  EXPECT_EQ(SafeTensors(path_).tensor("x").sum().item<double>(), 4);
}

TEST_F(SafeTensorsFile, ReadsTensorsThatAreNotAligned) {
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("b":{"dtype":"I32","shape":[2],"data_offsets":[1,9]}})";
  write_raw(header, 9);
  const auto tensor = SafeTensors(path_).tensor("b");
  EXPECT_EQ(tensor[1].item<std::int64_t>(), 0x01010101);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % 4, 0U);
}

TEST_F(SafeTensorsFile, RefusesEveryDamageAndNamesTheFile) {
  const auto entry = [](const char* name, const char* shape, int begin, int end) {
    return fmt::format(R"("{}":{{"dtype":"F32","shape":{},"data_offsets":[{},{}]}})", name, shape,
                       begin, end);
  };
  const struct {
    std::string header;
    std::size_t bytes;
    std::string message;
  } damages[]{
      {"{" + entry("a", "[2]", 0, 8) + "}", 7, "7 bytes of data, but the header speaks of 8"},
      {"{" + entry("a", "[2]", 0, 8) + "}", 9, "9 bytes of data, but the header speaks of 8"},
      {"{" + entry("a", "[2]", 0, 8) + "," + entry("b", "[1]", 4, 8) + "}", 8, "overlap"},
      {"{" + entry("a", "[1]", 0, 4) + "," + entry("b", "[1]", 8, 12) + "}", 12, "hole"},
      {"{" + entry("a", "[3]", 0, 8) + "}", 8, "takes 12 bytes, but its offsets are 0 and 8"},
      {"{" + entry("a", "[2]", 8, 0) + "}", 8, "offsets are 8 and 0"},
      {"{" + entry("a", "[-2]", 0, 8) + "}", 8, "bad shape"},
      {"{" + entry("a", "[4611686018427387904, 16]", 0, 8) + "}", 8, "too large"},
      {"{" + entry("a", "[1]", 0, 4) + "," + entry("a", "[1]", 0, 4) + "}", 4, "twice"},
      {R"({"a":{"dtype":"F9","shape":[],"data_offsets":[0,4]}})", 4, "unknown type 'F9'"},
      {R"({"a":{"dtype":"F32","shape":[]}})", 4, "damaged header"},
      {R"({"a":)", 4, "damaged header"},
      {"[]", 0, "no JSON object"},
  };
  for (const auto& damage : damages) {
    write_raw(damage.header, damage.bytes);
    EXPECT_THAT([&] { SafeTensors file(path_); },
                testing::ThrowsMessage<std::runtime_error>(testing::AllOf(
                    testing::HasSubstr(path_.string()), testing::HasSubstr(damage.message))))
        << damage.header;
  }
}

TEST_F(SafeTensorsFile, RefusesAFileCutAnywhere) {
  write_safetensors(path_, {{"x", torch::ones({2, 2})}});
  const std::string whole = read_file(path_);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(path_, std::ios::binary) << whole.substr(0, size);
    EXPECT_THROW(SafeTensors file(path_), std::runtime_error) << size;
  }
}

TEST_F(SafeTensorsFile, RefusesAHeaderLongerThanTheFile) {
  std::ofstream(path_, std::ios::binary) << std::string(16, '\xff');
  EXPECT_THAT([&] { SafeTensors file(path_); },
              testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr("in a file of 16")));
}

TEST_F(SafeTensorsFile, NamesWhatIsAbsent) {
  EXPECT_THAT([&] { SafeTensors file(path_); },
              testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr("cannot be opened")));
  write_safetensors(path_, {});
  EXPECT_THAT([&] { SafeTensors(path_).tensor("x"); },
              testing::ThrowsMessage<std::runtime_error>(
                  fmt::format("[{}] there is no tensor 'x'", path_.string())));
}

TEST_F(SafeTensorsFile, RefusesATypeThatTheFormatLacks) {
  EXPECT_THROW(write_safetensors(path_, {{"x", torch::zeros(2, torch::kComplexFloat)}}),
               std::invalid_argument);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(SafeTensorsFile, AFullDiskIsReportedAndLeavesNoFile) {
  const fs::path full = folder_ / "full";
  fs::create_symlink("/dev/full", full);
  EXPECT_THAT(
      [&] {
        write_safetensors(full, {{"x", torch::ones(4)}});
      },
      testing::ThrowsMessage<std::runtime_error>(
          fmt::format("[{}] write failed: No space left on device", full.string())));
  EXPECT_FALSE(fs::exists(fs::symlink_status(full)));
}

TEST(CopyTensors, CopiesValuesAndKeepsStrides) {
  const auto target = torch::zeros({1, 2, 2, 2}).contiguous(torch::MemoryFormat::ChannelsLast);
  const auto strides = target.strides().vec();
  const auto source = torch::arange(8.0).view({1, 2, 2, 2});
  copy_tensors("model", {{"x", source}}, {{"x", target}});
  EXPECT_TRUE(torch::equal(target, source));
  EXPECT_EQ(target.strides().vec(), strides);
}

TEST(CopyTensors, NamesTheTensorAtFaultAndCopiesNothing) {
  const Tensors target{{"x", torch::zeros(2)}, {"y", torch::zeros(3)}};
  const auto message = [&](const Tensors& from) -> std::string {
    try {
      copy_tensors("model", from, target);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({{"x", torch::ones(2)}}), "[model] tensor 'y' is missing");
  EXPECT_EQ(message({{"x", torch::ones(2)}, {"y", torch::ones(4)}}),
            "[model] tensor 'y' is Float [4]; Float [3] is allowed");
  EXPECT_EQ(message({{"x", torch::ones(2)}, {"y", torch::ones(3)}, {"z", torch::ones(1)}}),
            "[model] tensor 'z' has no place here");
  EXPECT_EQ(target.at("x").sum().item<double>(), 0);
}

}  // namespace
}  // namespace medsweep::runner
