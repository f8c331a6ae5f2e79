#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/data_file.h"
#include "datasets/hdf5_file.h"
#include "datasets/stored_array.h"

namespace medsweep::datasets {

/// The version of the layout in FORMAT.md that this program writes; it reads all up to it.
inline constexpr std::int64_t kDataFormat = 1;

/// All of a data file but its pixels: what FORMAT.md calls the index.
struct DataIndex {
  DataFileHeader header;
  std::string digest;  ///< over all samples
  std::vector<SampleId> samples;
  std::vector<Extent> sizes;
  std::vector<std::int64_t> foreground;  ///< labelled pixels; -1: no labels
  std::vector<std::int64_t> instances;   ///< how many; -1: none are known
  std::vector<std::string> sample_digests;
  std::vector<StoredArray> arrays;       ///< in the order of the samples
  std::vector<std::size_t> first_array;  ///< samples + 1 entries into `arrays`
};

/// Writes the root's attributes and the tables below /index. The caller holds hdf5_mutex().
void write_index(const Hdf5File& file, const DataIndex& index);

/// Reads them. Throws std::runtime_error that names the file; the caller holds hdf5_mutex().
DataIndex read_index(const Hdf5File& file);

/// "/samples/patient001_ED/3/image"
std::string array_path(const DataIndex& index, const StoredArray& array);

/// The digest over all samples: the header and each sample's digest, in their order.
std::string digest_over(const DataIndex& index);

}  // namespace medsweep::datasets
