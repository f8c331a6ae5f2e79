#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace medsweep::runner {

/// What an element of a storage is: all that weights are made of.
enum class ElementType {
  kFloat64,
  kFloat32,
  kFloat16,
  kBfloat16,
  kInt64,
  kInt32,
  kInt16,
  kInt8,
  kUint8,
  kBool,
};

std::size_t element_bytes(ElementType type);

/// A run of elements that a pickle speaks of and that lies elsewhere in the file.
struct PickledStorage {
  std::string key;
  ElementType type = ElementType::kFloat32;
  std::int64_t elements = 0;          ///< of the whole storage
  std::int64_t begin = 0, count = 0;  ///< the part of it that this is; else 0 and `elements`
};

/// A view of a storage. Every element that it can reach lies within the part [begin, begin +
/// count).
struct PickledTensor {
  PickledStorage storage;
  std::int64_t offset = 0;  ///< elements from the beginning of the whole storage
  std::vector<std::int64_t> shape{}, strides{};  ///< strides in elements, none negative
};

/// A value's place in its Pickle; values refer to each other by it, so cycles are harmless.
using PickleId = std::uint32_t;

struct PickledList {  ///< a list, tuple or set
  std::vector<PickleId> items{};
};
struct PickledDict {  ///< a dict or OrderedDict; of equal keys the last counts
  std::vector<std::pair<PickleId, PickleId>> items{};
};
struct PickledBytes {  ///< bytes, or an integer of more than 64 bits (little-endian)
  std::string bytes{};
};
struct PickledName {  ///< a class or function that is allowed, "torch.FloatStorage"
  std::string name{};
};

using PickleValue =
    std::variant<std::monostate /*None*/, bool, std::int64_t, double, std::string, PickledBytes,
                 PickledList, PickledDict, PickledName, PickledStorage, PickledTensor>;

/// What a pickle holds.
struct Pickle {
  std::vector<PickleValue> values{};
  PickleId root = 0;
  std::map<std::string, PickledStorage> storages{};  ///< whole ones, by key
  std::size_t size = 0;                              ///< bytes of the stream that it took

  const PickleValue& value(PickleId id) const { return values[id]; }
  /// The value as a T; none where it is something else.
  template <typename T>
  const T* as(PickleId id) const {
    return std::get_if<T>(&values[id]);
  }
};

/// Reads a pickle of protocol 2 to 5 at the beginning of `bytes`, as torch.save writes it: tensors
/// (torch._utils._rebuild_tensor_v2, _rebuild_tensor, _rebuild_parameter), dict, OrderedDict (its
/// attributes are left out), list, tuple, set, numbers, texts, bytes and None. Free of torch.
/// https://docs.python.org/3/library/pickletools.html
///
/// Nothing in the stream is ever called or imported. Any other class or function, and any
/// instruction that torch.save does not write, throws std::invalid_argument "[where] ..." that
/// names it. A damaged stream, a tensor that reaches beyond its storage, more than 64 MiB and more
/// than a million values throw std::runtime_error. Memory is bounded by these; there is no
/// recursion.
Pickle read_pickle(std::string_view bytes, const std::string& where);

}  // namespace medsweep::runner
