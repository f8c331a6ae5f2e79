#include "runner/weights/torch_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/files.h"
#include "runner/weights/torch_weights.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kTorchFiles = fs::path(MEDSWEEP_SOURCE_DIR) / "tests/golden/torch_files";

template <typename Error>
std::string message_of(const std::string& file) {
  try {
    read_weights(kTorchFiles / file);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was refused";
}

TEST(TorchFile, GivesTheValuesThatTorchSavedInEveryFormat) {
  const auto expected = nlohmann::json::parse(read_file(kTorchFiles / "torch_files.json"));
  EXPECT_EQ(expected.size(), 13U);
  for (const auto& [file, state] : expected.items()) {
    const Tensors tensors = read_weights(kTorchFiles / file);
    EXPECT_EQ(tensors.size(), state.size()) << file;
    for (const auto& [name, entry] : state.items()) {
      ASSERT_TRUE(tensors.contains(name)) << file << " " << name;
      const torch::Tensor& tensor = tensors.at(name);
      EXPECT_EQ(tensor.sizes().vec(), entry["shape"].get<std::vector<std::int64_t>>())
          << file << " " << name;
      const auto values = entry["values"].get<std::vector<double>>();
      const auto flat = tensor.to(torch::kFloat64).flatten().contiguous();
      EXPECT_EQ(std::vector<double>(flat.const_data_ptr<double>(),
                                    flat.const_data_ptr<double>() + flat.numel()),
                values)
          << file << " " << name;
    }
  }
}

TEST(TorchFile, KeepsTheTypeOfEveryElement) {
  for (const char* file : {"zip.pth", "stream.pth"}) {
    const Tensors tensors = read_weights(kTorchFiles / file);
    EXPECT_EQ(tensors.at("float64").scalar_type(), torch::kFloat64);
    EXPECT_EQ(tensors.at("float32").scalar_type(), torch::kFloat32);
    EXPECT_EQ(tensors.at("float16").scalar_type(), torch::kFloat16);
    EXPECT_EQ(tensors.at("bfloat16").scalar_type(), torch::kBFloat16);
    EXPECT_EQ(tensors.at("int64").scalar_type(), torch::kInt64);
    EXPECT_EQ(tensors.at("int32").scalar_type(), torch::kInt32);
    EXPECT_EQ(tensors.at("int16").scalar_type(), torch::kInt16);
    EXPECT_EQ(tensors.at("int8").scalar_type(), torch::kInt8);
    EXPECT_EQ(tensors.at("uint8").scalar_type(), torch::kUInt8);
    EXPECT_EQ(tensors.at("bool").scalar_type(), torch::kBool);
  }
}

TEST(TorchFile, ViewsOfOneStorageStayViewsOfOneStorage) {
  for (const char* file : {"views.pth", "views_stream.pth"}) {
    const Tensors tensors = read_weights(kTorchFiles / file);
    torch::Tensor(tensors.at("whole")).fill_(-1);
    for (const char* name : {"transposed", "column", "offset", "parameter"})
      EXPECT_TRUE((tensors.at(name) == -1).all().item<bool>()) << file << " " << name;
    EXPECT_EQ(tensors.at("column").stride(0), 6) << file;
    EXPECT_EQ(tensors.at("expanded").stride(0), 0) << file;
    EXPECT_TRUE(tensors.at("channels_last").is_contiguous(torch::MemoryFormat::ChannelsLast));
    EXPECT_EQ(read_weights(kTorchFiles / file).at("whole")[0][1].item<double>(), 1) << file;
  }
}

TEST(TorchFile, CodeIsNamedAndNeverRuns) {
  const fs::path trace = "medsweep-code-has-run";
  for (const char* file : {"code.pth", "code_stream.pth", "code_protocol_4.pth"})
    EXPECT_THAT(message_of<std::invalid_argument>(file),
                AllOf(HasSubstr(file), HasSubstr("asks for 'posix.system', which could run code"),
                      HasSubstr("are allowed")));
  EXPECT_FALSE(fs::exists(trace));
}

TEST(TorchFile, OtherThanTensorsInDictionariesIsRefusedByName) {
  const std::pair<const char*, const char*> refusals[]{
      {"object.pth", "asks for 'types.SimpleNamespace'"},
      {"network.pth", "asks for 'torch.nn.modules.activation.ReLU'"},
      {"complex.pth", "asks for 'torch.ComplexFloatStorage'"},
      {"negated.pth", "conjugated or negated"},
      {"script.pt", "TorchScript"},
      {"compressed.pth", "compressed"},
      {"list.pth", "holds no dictionary"},
      {"no_state.pth", "no state dictionary but epoch loss"},
      {"number.pth", "'epoch' of its state dictionary is no tensor"},
  };
  for (const auto& [file, text] : refusals)
    EXPECT_THAT(message_of<std::invalid_argument>(file), AllOf(HasSubstr(file), HasSubstr(text)));
}

TEST(TorchFile, ClaimsBeyondTheFileAreDamage) {
  for (const char* file : {"claim.pth", "claim_stream.pth"})
    EXPECT_THAT(message_of<std::runtime_error>(file),
                HasSubstr("a storage of 2147483648 bytes, of which 16 are there"));
  EXPECT_THAT(message_of<std::runtime_error>("beyond.pth"),
              HasSubstr("[2, 2] with strides [2, 1] at 1 in a storage of 4 elements"));
}

TEST(TorchFile, NoTruncatedFileIsRead) {
  for (const char* file : {"zip.pth", "stream.pth", "views_of_storages.pth", "network_state.pt"}) {
    const std::string whole = read_file(kTorchFiles / file);
    EXPECT_NO_THROW(read_torch_file(whole, file));
    for (std::size_t size = 0; size < whole.size(); size += size + 64 < whole.size() ? 9 : 1) {
      try {
        read_torch_file(std::string_view(whole).substr(0, size), file);
        ADD_FAILURE() << file << " of " << size << " of " << whole.size() << " bytes was read";
      } catch (const std::invalid_argument&) {
        EXPECT_LT(size, 32U) << file;  // too short to tell what it was
      } catch (const std::runtime_error&) {
      }
    }
  }
}

TEST(TorchFile, AChangedByteOfAZipsEntriesIsFound) {
  std::string bytes = read_file(kTorchFiles / "zip.pth");
  const TorchFile file = read_torch_file(bytes, "zip.pth");
  const auto place = static_cast<std::size_t>(file.storages.at("0").data() - bytes.data());
  bytes[place] = static_cast<char>(bytes[place] ^ 1);
  EXPECT_THROW(read_torch_file(bytes, "zip.pth"), std::runtime_error);
}

TEST(TorchFile, StoragesOfAZipAreNotCopied) {
  const std::string bytes = read_file(kTorchFiles / "zip.pth");
  const TorchFile file = read_torch_file(bytes, "zip.pth");
  EXPECT_GE(file.storages.size(), 12U);
  for (const auto& [key, storage] : file.storages) {
    if (storage.empty()) continue;
    EXPECT_GE(storage.data(), bytes.data());
    EXPECT_EQ((storage.data() - bytes.data()) % 64, 0) << key;
  }
}

TEST(ReadWeights, OtherEndingsAndAbsentFilesAreNamed) {
  EXPECT_THAT(message_of<std::invalid_argument>("a.h5"), HasSubstr(".safetensors, .pth and .pt"));
  EXPECT_THAT(message_of<std::runtime_error>("absent.pth"), HasSubstr("absent.pth"));
  EXPECT_THAT(message_of<std::invalid_argument>("../coco.json"), HasSubstr("'.json'"));
}

TEST(ReadWeights, ReadsSafetensorsAndRefusesTruncatedOnes) {
  const fs::path path = fs::path(testing::TempDir()) / "medsweep_read_weights.safetensors";
  write_safetensors(path, {{"weight", torch::arange(3.0)}});
  EXPECT_TRUE(torch::equal(read_weights(path).at("weight"), torch::arange(3.0)));
  fs::resize_file(path, fs::file_size(path) - 1);
  EXPECT_THROW(read_weights(path), std::runtime_error);
  fs::remove(path);
}

}  // namespace
}  // namespace medsweep::runner
