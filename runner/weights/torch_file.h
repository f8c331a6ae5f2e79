#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runner/weights/pickle.h"

namespace medsweep::runner {

enum class StorageOrder { kLittleEndian, kBigEndian };

/// A file of torch.save, taken apart. Everything views the file's bytes.
struct TorchFile {
  Pickle pickle{};
  /// key -> the bytes of each storage that the pickle speaks of: exactly its elements.
  std::map<std::string, std::string_view> storages{};
  StorageOrder order = StorageOrder::kLittleEndian;
};

/// Takes apart what torch.save wrote: the zip format (torch 1.6 and newer: NAME/data.pkl,
/// NAME/data/KEY, NAME/byteorder) or the stream of before (magic number, protocol, system, pickle,
/// keys, storages; always little-endian). Free of torch. `where` stands in error texts.
///
/// Throws std::invalid_argument for what is no such file (TorchScript, tar), holds other things
/// than read_pickle allows, or is compressed; std::runtime_error for one that is truncated or
/// damaged.
TorchFile read_torch_file(std::string_view file, const std::string& where);

/// A state dictionary's tensors by their names, sorted; they point into the pickle.
using PickledState = std::vector<std::pair<std::string, const PickledTensor*>>;

/// The state dictionary in a pickle: its root, or what lies under "model", "state_dict" or
/// "model_state_dict" of it, also twice nested. Names of no tensor are left out where torch writes
/// them ("_metadata", "..._extra_state").
/// Throws std::invalid_argument "[where] ..." where there is none, and for other values in it.
PickledState find_state_dict(const Pickle& pickle, const std::string& where);

}  // namespace medsweep::runner
