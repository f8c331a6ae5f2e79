// The header of a safetensors file out of any bytes is read or refused as std::runtime_error; what
// is read lies within the file, one tensor behind the other.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <stdexcept>

#include "runner/safetensors_header.h"

namespace {

using namespace medsweep::runner;

void check_header(const SafeTensorsHeader& header, std::size_t size) {
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : header.tensors) {
    std::size_t expected = tensor_type_bytes(tensor.type);
    for (const std::int64_t axis : tensor.shape) expected *= static_cast<std::size_t>(axis);
    if (tensor.end < tensor.begin || tensor.end - tensor.begin != expected) std::abort();
    if (tensor.end > size - header.data_begin) std::abort();
    bytes += expected;
  }
  if (header.data_begin + bytes != size) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check_header(read_safetensors_header({reinterpret_cast<const char*>(data), size}, "fuzz"),
                 size);
  } catch (const std::runtime_error&) {  // allowed: no header
  }
  return 0;
}
