#pragma once

#include "datasets/data_index.h"

namespace medsweep::datasets {

/// Writes samples, arrays and chunks of the index below /index. The caller holds hdf5_mutex().
void write_index_tables(const Hdf5File& file, const DataIndex& index);

/// Reads them, and checks that they fit together before anything is allocated by them. Throws
/// std::runtime_error that names the file; the caller holds hdf5_mutex().
void read_index_tables(const Hdf5File& file, DataIndex& index);

}  // namespace medsweep::datasets
