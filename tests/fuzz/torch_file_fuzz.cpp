// A file of torch.save out of any bytes, and a pickle out of any bytes, are read or refused as
// std::invalid_argument or std::runtime_error; what is read lies within the file, and tensors
// within their storages.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "runner/weights/torch_file.h"
#include "tests/fuzz/attempt.h"

namespace {

using namespace medsweep;
using namespace medsweep::runner;

void check_tensor(const PickledTensor& tensor) {
  if (tensor.shape.size() != tensor.strides.size()) std::abort();
  if (tensor.offset < 0 || tensor.storage.begin < 0) std::abort();
  unsigned __int128 last = static_cast<unsigned __int128>(tensor.offset);
  for (std::size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    if (tensor.shape[axis] < 0 || tensor.strides[axis] < 0) std::abort();
    if (tensor.shape[axis] == 0) return;
    last += static_cast<unsigned __int128>(tensor.shape[axis] - 1) *
            static_cast<unsigned __int128>(tensor.strides[axis]);
  }
  if (last >= static_cast<unsigned __int128>(tensor.storage.elements)) std::abort();
}

void check_file(std::string_view bytes) {
  const TorchFile file = read_torch_file(bytes, "fuzz");
  for (const auto& [key, part] : file.storages) {
    const PickledStorage& storage = file.pickle.storages.at(key);
    if (part.size() != static_cast<std::size_t>(storage.elements) * element_bytes(storage.type))
      std::abort();
    if (!part.empty() &&
        (part.data() < bytes.data() || part.data() + part.size() > bytes.data() + bytes.size()))
      std::abort();
  }
  for (const auto& [name, tensor] : find_state_dict(file.pickle, "fuzz")) {
    if (!file.storages.contains(tensor->storage.key)) std::abort();
    check_tensor(*tensor);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  attempt([&] { check_file(bytes); });
  attempt([&] {
    const Pickle pickle = read_pickle(bytes, "fuzz");
    if (pickle.size > size || pickle.root >= pickle.values.size()) std::abort();
    for (const PickleValue& value : pickle.values)
      if (const auto* tensor = std::get_if<PickledTensor>(&value)) check_tensor(*tensor);
  });
  return 0;
}
