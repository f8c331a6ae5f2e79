#include "runner/weights/torch_weights.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "runner/mapped_file.h"
#include "runner/weights/torch_file.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

struct TorchElement {
  ElementType element;
  c10::ScalarType scalar;
};
constexpr std::array kTorchElements{
    TorchElement{ElementType::kFloat64, c10::ScalarType::Double},
    TorchElement{ElementType::kFloat32, c10::ScalarType::Float},
    TorchElement{ElementType::kFloat16, c10::ScalarType::Half},
    TorchElement{ElementType::kBfloat16, c10::ScalarType::BFloat16},
    TorchElement{ElementType::kInt64, c10::ScalarType::Long},
    TorchElement{ElementType::kInt32, c10::ScalarType::Int},
    TorchElement{ElementType::kInt16, c10::ScalarType::Short},
    TorchElement{ElementType::kInt8, c10::ScalarType::Char},
    TorchElement{ElementType::kUint8, c10::ScalarType::Byte},
    TorchElement{ElementType::kBool, c10::ScalarType::Bool},
};

/// The storages of a file as flat tensors, each made once.
class TorchStorages {
 public:
  TorchStorages(std::shared_ptr<MappedFile> mapping, const TorchFile& file)
      : mapping_(std::move(mapping)), file_(file) {}

  torch::Tensor tensor(const PickledTensor& pickled) {
    const torch::Tensor& storage = flat(pickled.storage);
    if (std::ranges::find(pickled.shape, 0) != pickled.shape.end())
      return torch::empty(pickled.shape, storage.options());
    return storage.as_strided(pickled.shape, pickled.strides, pickled.offset);
  }

 private:
  const torch::Tensor& flat(const PickledStorage& storage) {
    const auto found = made_.find(storage.key);
    return found != made_.end() ? found->second
                                : made_.emplace(storage.key, make(storage)).first->second;
  }

  torch::Tensor make(const PickledStorage& storage) const {
    const auto* row = std::ranges::find(kTorchElements, storage.type, &TorchElement::element);
    const auto options = torch::TensorOptions().dtype(row->scalar);
    const std::string_view bytes = file_.storages.at(storage.key);
    if (bytes.empty()) return torch::empty({0}, options);
    const std::size_t width = element_bytes(storage.type);
    const bool is_aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % width == 0;
    if (is_aligned && file_.order == StorageOrder::kLittleEndian)
      return torch::from_blob(
          mapping_->bytes() + (bytes.data() - mapping_->bytes()), {storage.elements},
          [kept = mapping_](void*) {}, options);
    torch::Tensor copied = torch::empty({storage.elements}, options);
    std::memcpy(copied.mutable_data_ptr(), bytes.data(), bytes.size());
    if (file_.order == StorageOrder::kBigEndian) swap_bytes(copied, width);
    return copied;
  }

  static void swap_bytes(const torch::Tensor& flat, std::size_t width) {
    auto* bytes = static_cast<char*>(flat.mutable_data_ptr());
    for (char* end = bytes + flat.nbytes(); bytes < end; bytes += width)
      std::reverse(bytes, bytes + width);
  }

  std::shared_ptr<MappedFile> mapping_;
  const TorchFile& file_;
  std::map<std::string, torch::Tensor> made_;
};

Tensors read_torch_weights(const fs::path& path) {
  auto mapping = std::make_shared<MappedFile>(path);
  const TorchFile file = read_torch_file(mapping->view(), path.string());
  TorchStorages storages(std::move(mapping), file);
  Tensors tensors;
  for (const auto& [name, tensor] : find_state_dict(file.pickle, path.string()))
    tensors.emplace(name, storages.tensor(*tensor));
  return tensors;
}

}  // namespace

Tensors read_weights(const fs::path& path) {
  const std::string ending = path.extension().string();
  if (ending == ".safetensors") return SafeTensors(path).all();
  if (ending == ".pth" || ending == ".pt") return read_torch_weights(path);
  throw std::invalid_argument(fmt::format(
      "[{}] weights end in '{}'; .safetensors, .pth and .pt are allowed", path.string(), ending));
}

}  // namespace medsweep::runner
