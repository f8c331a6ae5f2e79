#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "runner/safetensors.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

/// The Python with the peers: MEDSWEEP_PEERS_PYTHON, or the usual place.
fs::path peers_python() {
  if (const char* given = std::getenv("MEDSWEEP_PEERS_PYTHON")) return given;
  const char* home = std::getenv("HOME");
  return fs::path(home == nullptr ? "" : home) / ".cache/medsweep/peers/bin/python";
}

class PythonSafeTensors : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(peers_python()))
      GTEST_SKIP() << "no Python with safetensors at " << peers_python()
                   << "; set MEDSWEEP_PEERS_PYTHON";
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  int run_python(const std::string& program) const {
    std::ofstream(folder_ / "program.py") << program;
    return std::system(fmt::format("cd '{}' && '{}' -W error::DeprecationWarning program.py",
                                   folder_.string(), peers_python().string())
                           .c_str());
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / "medsweep_python_safetensors";
};

TEST_F(PythonSafeTensors, LoadsOurFileStrictlyIntoAModel) {
  const torch::nn::Sequential model(torch::nn::Conv2d(3, 4, 3), torch::nn::BatchNorm2d(4));
  Tensors tensors;
  for (const auto& item : model->named_parameters())
    tensors[item.key()] =
        torch::arange(item.value().numel(), torch::kFloat32)
            .view(item.value().sizes())
            .contiguous(item.value().dim() == 4 ? torch::MemoryFormat::ChannelsLast
                                                : torch::MemoryFormat::Contiguous);
  for (const auto& item : model->named_buffers()) tensors[item.key()] = item.value();
  write_safetensors(folder_ / "model.safetensors", tensors, {{"format", "pt"}});

  EXPECT_EQ(run_python(R"(
import torch
from safetensors import safe_open
from safetensors.torch import load_model
model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
missing, unexpected = load_model(model, "model.safetensors", strict=True)
assert not missing and not unexpected, (missing, unexpected)
for name, parameter in model.named_parameters():
    expected = torch.arange(parameter.numel(), dtype=torch.float32).view(parameter.shape)
    assert torch.equal(parameter.data, expected), name
assert model[1].num_batches_tracked.dtype == torch.int64
assert safe_open("model.safetensors", "pt").metadata() == {"format": "pt"}
)"),
            0);
}

TEST_F(PythonSafeTensors, ReadsEveryTypeOfOurs) {
  Tensors tensors;
  for (const auto type :
       {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16, torch::kInt64,
        torch::kInt32, torch::kInt16, torch::kInt8, torch::kUInt8, torch::kBool})
    tensors[c10::toString(type)] = torch::arange(6).view({2, 3}).to(type);
  write_safetensors(folder_ / "types.safetensors", tensors);
  EXPECT_EQ(run_python(R"(
import torch
from safetensors.torch import load_file
tensors = load_file("types.safetensors")
assert len(tensors) == 10, tensors.keys()
for name, tensor in tensors.items():
    assert torch.equal(tensor, torch.arange(6).view(2, 3).to(tensor.dtype)), name
assert {t.dtype for t in tensors.values()} == {
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32,
    torch.int16, torch.int8, torch.uint8, torch.bool}
)"),
            0);
}

TEST_F(PythonSafeTensors, TheirFileIsReadByUs) {
  ASSERT_EQ(run_python(R"(
import torch
from safetensors.torch import save_file
types = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16,
         "bfloat16": torch.bfloat16, "int64": torch.int64, "uint8": torch.uint8,
         "bool": torch.bool}
save_file({name: torch.arange(6).view(2, 3).to(dtype) for name, dtype in types.items()}
          | {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3)},
          "theirs.safetensors", {"who": "they"})
)"),
            0);
  const SafeTensors file(folder_ / "theirs.safetensors");
  EXPECT_EQ(file.metadata().at("who"), "they");
  EXPECT_EQ(file.names().size(), 9U);
  for (const auto& [name, tensor] : file.all()) {
    if (name == "scalar") {
      EXPECT_EQ(tensor.item<double>(), 2.5);
    } else if (name == "empty") {
      EXPECT_EQ(tensor.sizes(), (std::vector<std::int64_t>{0, 3}));
    } else {
      EXPECT_TRUE(torch::equal(tensor, torch::arange(6).view({2, 3}).to(tensor.scalar_type())))
          << name;
    }
  }
}

}  // namespace
}  // namespace medsweep::runner
