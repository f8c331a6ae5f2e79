#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace medsweep::runner {

/// A file begins with the header's length, a u64; the header is padded to a multiple of it.
inline constexpr std::size_t kHeaderLengthBytes = 8;

/// A tensor as the header of a safetensors file describes it.
struct TensorEntry {
  std::string type;  ///< as the format calls it: "F32"
  std::vector<std::int64_t> shape{};
  std::size_t begin = 0, end = 0;  ///< bytes within the data
};

struct SafeTensorsHeader {
  std::size_t data_begin = 0;  ///< bytes from the file's beginning
  std::map<std::string, TensorEntry, std::less<>> tensors{};
  std::map<std::string, std::string> metadata{};
};

/// Bytes of an element: of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL; 0 for another name.
std::size_t tensor_type_bytes(std::string_view type);

/// Reads and checks the whole header of a file's bytes: tensors of known types that fit their bytes
/// and follow each other without overlap or hole up to the end. Free of torch.
/// Throws std::runtime_error "[where] ..." for anything else.
SafeTensorsHeader read_safetensors_header(std::string_view file, const std::string& where);

}  // namespace medsweep::runner
