#pragma once

#include <torch/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace medsweep::datasets {

/// The array in the bytes of a .npy file (versions 1 to 3), in C order: bool and uint8 as uint8,
/// int8 to int64 and uint16, uint32 as int64, float16 to float64 as float32 (float64 rounded),
/// either byte order. `where` stands in error texts.
///
/// Throws std::invalid_argument for what is no .npy file, for other types of elements (objects,
/// texts, complex numbers) and for no elements at all, std::runtime_error for one that ends early.
torch::Tensor parse_numpy_array(std::string_view bytes, const std::string& where);

/// A .npy file. Throws as above, std::invalid_argument for no such file.
torch::Tensor read_npy(const std::filesystem::path& path);

/// The arrays of a .npz file, a zip of .npy files, stored or deflated, by their names without the
/// ending. Each is checked against its CRC-32. Throws as above, std::runtime_error for a zip that
/// is truncated or damaged, std::invalid_argument for one of 4 GiB or more, an encrypted one and
/// other methods of compression.
std::map<std::string, torch::Tensor> read_npz(const std::filesystem::path& path);

}  // namespace medsweep::datasets
