#pragma once

#include <optional>
#include <vector>

#include "datasets/data_index.h"

namespace medsweep::datasets {

/// Whether the places of chunks are those of the index or were asked from HDF5.
enum class Places { kRecorded, kAsked };

/// Where HDF5 itself says that the array lies and how it is filtered; its checksum is 0: unknown.
/// Empty for a layout that only the library can read: filters other than shuffle, deflate and zstd,
/// no storage. Throws std::runtime_error; the caller holds hdf5_mutex().
std::optional<StoredArray> locate(const Hdf5File& file, const DataIndex& index,
                                  const StoredArray& recorded);

/// Whether the recorded places hold, tried on a few arrays spread over the file: another tool
/// that rewrites a file moves all of them.
bool places_hold(const Hdf5File& file, const DataIndex& index);

/// Asks HDF5 for the places of all arrays; those that only the library can read are left without
/// chunks.
void relocate(const Hdf5File& file, DataIndex& index);

/// Reads an array through the library, whatever its layout. The caller holds hdf5_mutex().
torch::Tensor read_through_library(const Hdf5File& file, const DataIndex& index,
                                   const StoredArray& array);

}  // namespace medsweep::datasets
