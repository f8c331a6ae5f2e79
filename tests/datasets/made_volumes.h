#pragma once

#include <filesystem>
#include <string>

#include "tests/datasets/made_nifti.h"

namespace medsweep::datasets {

/// Voxels that count up, so that a swapped axis shows; with `step` no two volumes are equal.
inline torch::Tensor made_volume(std::vector<std::int64_t> shape, std::int64_t step = 1,
                                 torch::ScalarType type = torch::kInt16) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return ((torch::arange(count) * (step + 2)) % 997).reshape(shape).to(type);
}

/// Writes an image or labels with the folders above it.
inline void put_volume(const std::filesystem::path& path, const torch::Tensor& voxels) {
  std::filesystem::create_directories(path.parent_path());
  write_nifti(path, voxels);
}

inline void put_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  write_file_atomically(path, text);
}

}  // namespace medsweep::datasets
