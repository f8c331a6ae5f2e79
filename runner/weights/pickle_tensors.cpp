#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

#include "runner/weights/pickle_objects.h"

namespace medsweep::runner {
namespace {

constexpr std::int64_t kWidestElement = 8;
constexpr std::size_t kLongestKey = 256;

struct StorageClass {
  std::string_view name;
  ElementType type;
  std::size_t bytes;
};
constexpr std::array kStorageClasses{
    StorageClass{"torch.DoubleStorage", ElementType::kFloat64, 8},
    StorageClass{"torch.FloatStorage", ElementType::kFloat32, 4},
    StorageClass{"torch.HalfStorage", ElementType::kFloat16, 2},
    StorageClass{"torch.BFloat16Storage", ElementType::kBfloat16, 2},
    StorageClass{"torch.LongStorage", ElementType::kInt64, 8},
    StorageClass{"torch.IntStorage", ElementType::kInt32, 4},
    StorageClass{"torch.ShortStorage", ElementType::kInt16, 2},
    StorageClass{"torch.CharStorage", ElementType::kInt8, 1},
    StorageClass{"torch.ByteStorage", ElementType::kUint8, 1},
    StorageClass{"torch.BoolStorage", ElementType::kBool, 1},
};

}  // namespace

std::size_t element_bytes(ElementType type) {
  return std::ranges::find(kStorageClasses, type, &StorageClass::type)->bytes;
}

std::optional<ElementType> element_type_of(std::string_view name) {
  const auto* row = std::ranges::find(kStorageClasses, name, &StorageClass::name);
  return row == kStorageClasses.end() ? std::nullopt : std::optional(row->type);
}

ElementType PickleObjects::element_type(PickleId id) const {
  const auto* name = pickle_.as<PickledName>(id);
  const auto type = name == nullptr ? std::nullopt : element_type_of(name->name);
  if (!type) damaged("a storage without a class of storages");
  return *type;
}

void PickleObjects::set_view(PickledStorage& storage, PickleId description) const {
  const auto& view = items(description, "a storage's view");
  if (view.size() != 3) damaged("a storage's view should have three parts");
  storage.begin = integer(view[1], "a view's offset");
  storage.count = integer(view[2], "a view's size");
  if (storage.begin > storage.elements || storage.count > storage.elements - storage.begin)
    damaged(fmt::format("a view of {} elements from {} on, in a storage of {}", storage.count,
                        storage.begin, storage.elements));
}

PickleId PickleObjects::storage(PickleId description) {
  const auto& parts = items(description, "a storage's description");
  if (parts.size() < 5 || parts.size() > 6 || text(parts[0], "a persistent id") != "storage")
    damaged("a persistent id that is no storage's");
  PickledStorage storage{text(parts[2], "a storage's key"), element_type(parts[1]),
                         integer(parts[4], "a storage's size")};
  storage.count = storage.elements;
  if (storage.key.size() > kLongestKey) damaged("a storage's key is too long");
  if (storage.elements > std::numeric_limits<std::int64_t>::max() / kWidestElement)
    damaged(fmt::format("a storage of {} elements", storage.elements));
  const auto [known, is_new] = pickle_.storages.emplace(storage.key, storage);
  if (!is_new && (known->second.type != storage.type || known->second.elements != storage.elements))
    damaged(fmt::format("storage '{}' is described in two ways", storage.key));
  if (parts.size() == 6 && pickle_.as<std::monostate>(parts[5]) == nullptr)
    set_view(storage, parts[5]);
  return add(std::move(storage));
}

PickleId PickleObjects::tensor(const std::vector<PickleId>& arguments) {
  if (arguments.size() < 4) damaged("a tensor of fewer than four arguments");
  if (arguments.size() == 7) {
    const auto* flags = pickle_.as<PickledDict>(arguments[6]);
    const bool none = pickle_.as<std::monostate>(arguments[6]) != nullptr;
    if (!none && (flags == nullptr || !flags->items.empty()))
      throw std::invalid_argument(fmt::format(
          "[{}] a tensor that is marked as conjugated or negated; plain ones are allowed", where_));
  }
  const auto* storage = pickle_.as<PickledStorage>(arguments[0]);
  if (storage == nullptr) damaged("a tensor without a storage");
  PickledTensor tensor{*storage, integer(arguments[1], "a tensor's offset"),
                       integers(arguments[2], "a tensor's shape"),
                       integers(arguments[3], "a tensor's strides")};
  check_bounds(tensor);
  tensor.offset += tensor.storage.begin;
  return add(std::move(tensor));
}

void PickleObjects::check_bounds(const PickledTensor& tensor) const {
  if (tensor.shape.size() != tensor.strides.size())
    damaged(fmt::format("a tensor of {} axes and {} strides", tensor.shape.size(),
                        tensor.strides.size()));
  const auto fail = [&] {
    damaged(fmt::format("a tensor [{}] with strides [{}] at {} in a storage of {} elements",
                        fmt::join(tensor.shape, ", "), fmt::join(tensor.strides, ", "),
                        tensor.offset, tensor.storage.count));
  };
  std::int64_t last = tensor.offset, bytes = kWidestElement, step = 0;
  bool wraps = false;
  for (std::size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    const std::int64_t size = tensor.shape[axis];
    if (size == 0) continue;
    wraps |= __builtin_mul_overflow(bytes, size, &bytes) ||
             __builtin_mul_overflow(size - 1, tensor.strides[axis], &step) ||
             __builtin_add_overflow(last, step, &last);
  }
  if (wraps) fail();
  const bool empty = std::ranges::find(tensor.shape, 0) != tensor.shape.end();
  if (!empty && last >= tensor.storage.count) fail();
  if (empty && tensor.offset > tensor.storage.count) fail();
}

PickleId PickleObjects::parameter(const std::vector<PickleId>& arguments) {
  if (arguments.empty() || pickle_.as<PickledTensor>(arguments[0]) == nullptr)
    damaged("a parameter without a tensor");
  return arguments[0];
}

}  // namespace medsweep::runner
