#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace medsweep::datasets {

/// Where an object of a JSON list lies in its file, in bytes.
struct JsonPiece {
  std::int64_t begin = 0, end = 0;
};

/// The objects of a file that is one JSON list of objects, found by counting brackets: files of
/// many gigabytes need a few bytes an object, and each can be read by itself. What is inside an
/// object is not looked at. Throws std::runtime_error that names the file and the byte for what is
/// no list of objects or ends early, std::invalid_argument for a file that does not exist.
std::vector<JsonPiece> objects_of_list(const std::filesystem::path& path);

/// The text of one. Throws std::runtime_error that names the file.
std::string read_piece(const std::filesystem::path& path, const JsonPiece& piece);

}  // namespace medsweep::datasets
