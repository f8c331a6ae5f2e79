#include "runner/weights/torch_file.h"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

#include "runner/weights/zip_directory.h"

namespace medsweep::runner {
namespace {

constexpr std::string_view kZipBegin = "PK", kTarMark = "ustar";
constexpr std::size_t kTarMarkAt = 257;
constexpr std::string_view kPickleEntry = "/data.pkl", kStorageFolder = "/data/",
                           kOrderEntry = "/byteorder", kScriptFolder = "/code/";
// 0x1950a86a20f9469cfc6c and 1001, as pickles of protocol 2 hold them.
constexpr std::string_view kStreamMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr std::size_t kMagicWithin = 32;
constexpr std::int64_t kStreamVersion = 1001;

[[noreturn]] void damaged_torch_file(const std::string& where, const std::string& what) {
  throw std::runtime_error(fmt::format("[{}] truncated or damaged: {}", where, what));
}

std::size_t storage_bytes(const PickledStorage& storage) {
  return static_cast<std::size_t>(storage.elements) * element_bytes(storage.type);
}

using ZipEntries = std::map<std::string, std::optional<std::string_view>>;

/// "NAME" of the entry "NAME/data.pkl".
std::string archive_name(const ZipEntries& entries, const std::string& where) {
  std::string found;
  for (const auto& [name, bytes] : entries) {
    if (name.find(kScriptFolder) != std::string::npos)
      throw std::invalid_argument(fmt::format(
          "[{}] a TorchScript program; a file of torch.save(network.state_dict(), FILE) is allowed",
          where));
    if (name.ends_with(kPickleEntry) && name.find('/') == name.size() - kPickleEntry.size())
      found = name.substr(0, name.size() - kPickleEntry.size());
  }
  if (!entries.contains(found + std::string(kPickleEntry)))
    throw std::invalid_argument(
        fmt::format("[{}] a zip without data.pkl; a file of torch.save is allowed", where));
  return found;
}

/// The bytes of an entry; empty where it is absent.
std::string_view entry_bytes(const ZipEntries& entries, const std::string& name,
                             const std::string& where) {
  const auto found = entries.find(name);
  if (found == entries.end()) return {};
  if (!found->second)
    throw std::invalid_argument(fmt::format(
        "[{}] its entries are compressed or encrypted; stored ones, as torch.save writes them, are "
        "allowed",
        where));
  return *found->second;
}

TorchFile read_zip_format(std::string_view file, const std::string& where) {
  const auto entries = read_zip_directory(file, where);
  const std::string archive = archive_name(entries, where);
  TorchFile result{.pickle = read_pickle(
                       entry_bytes(entries, archive + std::string(kPickleEntry), where), where)};
  const auto order = entry_bytes(entries, archive + std::string(kOrderEntry), where);
  if (order == "big") result.order = StorageOrder::kBigEndian;
  if (!order.empty() && order != "big" && order != "little")
    damaged_torch_file(where, "its byte order is neither little nor big");
  for (const auto& [key, storage] : result.pickle.storages) {
    const auto bytes = entry_bytes(entries, archive + std::string(kStorageFolder) + key, where);
    const std::size_t size = storage_bytes(storage), there = bytes.size();
    if (there != size)
      damaged_torch_file(where,
                         fmt::format("a storage of {} bytes, of which {} are there", size, there));
    result.storages.emplace(key, bytes);
  }
  return result;
}

/// The stream of before torch 1.6.
class TorchStream {
 public:
  TorchStream(std::string_view file, const std::string& where) : file_(file), where_(where) {}

  TorchFile read() {
    check_version();
    next_pickle();  // the system that wrote it: sizes of its types
    TorchFile result{.pickle = next_pickle()};
    const Pickle keys = next_pickle();
    const auto* list = keys.as<PickledList>(keys.root);
    if (list == nullptr) damaged_torch_file(where_, "no list of storages");
    for (const PickleId id : list->items) {
      const auto* key = keys.as<std::string>(id);
      const auto storage =
          key == nullptr ? result.pickle.storages.end() : result.pickle.storages.find(*key);
      if (storage == result.pickle.storages.end())
        damaged_torch_file(where_, "a storage that no tensor uses");
      if (!result.storages.emplace(*key, next_storage(storage->second)).second)
        damaged_torch_file(where_, "a storage is twice in it");
    }
    if (result.storages.size() != result.pickle.storages.size())
      damaged_torch_file(where_, "a storage that is not in the list");
    return result;
  }

 private:
  Pickle next_pickle() {
    Pickle pickle = read_pickle(file_.substr(at_), where_);
    at_ += pickle.size;
    return pickle;
  }

  void check_version() {
    next_pickle();  // the magic number, by which the stream was told
    const Pickle version = next_pickle();
    const auto* number = version.as<std::int64_t>(version.root);
    if (number == nullptr || *number != kStreamVersion)
      damaged_torch_file(where_, fmt::format("its version is not {}", kStreamVersion));
  }

  std::string_view next_storage(const PickledStorage& storage) {
    std::int64_t elements = 0;
    const std::size_t size = storage_bytes(storage), left = file_.size() - at_;
    if (left < sizeof(elements) || left - sizeof(elements) < size)
      damaged_torch_file(where_,
                         fmt::format("a storage of {} bytes, of which {} are there", size,
                                     left < sizeof(elements) ? 0 : left - sizeof(elements)));
    std::memcpy(&elements, file_.data() + at_, sizeof(elements));
    if (elements != storage.elements)
      damaged_torch_file(
          where_, fmt::format("a storage of {} elements, but its tensors speak of {}", elements,
                              storage.elements));
    const auto bytes = file_.substr(at_ + sizeof(elements), size);
    at_ += sizeof(elements) + size;
    return bytes;
  }

  const std::string_view file_;
  const std::string& where_;
  std::size_t at_ = 0;
};

/// The magic number stands behind PROTO, FRAME (protocol 4 and 5), LONG1 and its length.
bool is_torch_stream(std::string_view file) {
  return file.starts_with('\x80') &&
         file.substr(0, kMagicWithin).find(kStreamMagic) != std::string_view::npos;
}

}  // namespace

TorchFile read_torch_file(std::string_view file, const std::string& where) {
  if (file.starts_with(kZipBegin)) return read_zip_format(file, where);
  if (is_torch_stream(file)) return TorchStream(file, where).read();
  if (file.size() > kTarMarkAt && file.substr(kTarMarkAt).starts_with(kTarMark))
    throw std::invalid_argument(fmt::format(
        "[{}] a tar, as torch wrote before 0.2; load and save it again with a newer torch", where));
  throw std::invalid_argument(
      fmt::format("[{}] {} bytes that are no file of torch.save", where, file.size()));
}

}  // namespace medsweep::runner
