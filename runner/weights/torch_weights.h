#pragma once

#include <filesystem>

#include "runner/safetensors.h"

namespace medsweep::runner {

/// The tensors of a file of weights by their names: `.safetensors`, or `.pth` and `.pt` as
/// torch.save writes them (its zip format and the older stream; the state dictionary plain or
/// nested, see find_state_dict). Names are as in the file; load_into fits them to a network.
///
/// The tensors share the mapped file's pages (copy on write) and keep it mapped; views of one
/// storage stay views of one storage, with their strides.
/// Throws std::invalid_argument for another ending and for what such files may not hold (code, see
/// read_pickle), std::runtime_error for a file that is absent, truncated or damaged.
Tensors read_weights(const std::filesystem::path& path);

}  // namespace medsweep::runner
