#include "datasets/array_location.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace medsweep::datasets {
namespace {

constexpr std::size_t kProbes = 16;

struct OpenArray {
  Hdf5Handle data, properties, space;
};

OpenArray open_array(const Hdf5File& file, const std::string& path) {
  Hdf5Handle data(H5Dopen2(file.id(), path.c_str(), H5P_DEFAULT), file.path(), path);
  Hdf5Handle properties(H5Dget_create_plist(data.get()), file.path(), path);
  Hdf5Handle space(H5Dget_space(data.get()), file.path(), path);
  return {std::move(data), std::move(properties), std::move(space)};
}

void check_shape(const Hdf5File& file, const OpenArray& open, const StoredArray& recorded,
                 const std::string& path) {
  std::array<hsize_t, H5S_MAX_RANK> sizes{};
  const auto axes = static_cast<std::size_t>(check_hdf5(
      H5Sget_simple_extent_dims(open.space.get(), sizes.data(), nullptr), file.path(), path));
  if (!std::equal(sizes.begin(), sizes.begin() + axes, recorded.shape.begin(), recorded.shape.end(),
                  [](hsize_t a, std::int64_t b) { return a == static_cast<hsize_t>(b); }))
    throw std::runtime_error(
        fmt::format("[{}] {} has another shape than the index says", file.path(), path));
}

/// Sets how the array is filtered; false for filters other than [shuffle,] [deflate or zstd].
bool take_filters(const OpenArray& open, StoredArray& array) {
  array.shuffle = Shuffle::kNo;
  array.compression = Compression::kNone;
  const int count = H5Pget_nfilters(open.properties.get());
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0, configuration = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter =
        H5Pget_filter2(open.properties.get(), static_cast<unsigned>(i), &flags, &values, nullptr, 0,
                       nullptr, &configuration);
    if (filter == H5Z_FILTER_SHUFFLE && i == 0)
      array.shuffle = Shuffle::kYes;
    else if (filter == H5Z_FILTER_DEFLATE && i == count - 1)
      array.compression = Compression::kDeflate;
    else if (filter == kZstdFilter && i == count - 1)
      array.compression = Compression::kZstd;
    else
      return false;
  }
  return true;
}

std::optional<StoredChunk> contiguous_place(const OpenArray& open) {
  const haddr_t offset = H5Dget_offset(open.data.get());
  if (offset == HADDR_UNDEF) return std::nullopt;
  return StoredChunk{.offset = static_cast<std::int64_t>(offset),
                     .bytes = static_cast<std::int64_t>(H5Dget_storage_size(open.data.get()))};
}

/// The places of all chunks, row by row; empty where one has no storage.
std::vector<StoredChunk> chunk_places(const OpenArray& open, const StoredArray& array) {
  std::vector<StoredChunk> places;
  const std::vector<std::int64_t> grid = chunk_grid(array);
  std::array<hsize_t, H5S_MAX_RANK> origin{};
  for (bool more = true; more;) {
    unsigned mask = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t bytes = 0;
    if (H5Dget_chunk_info_by_coord(open.data.get(), origin.data(), &mask, &address, &bytes) < 0 ||
        address == HADDR_UNDEF)
      return {};
    places.push_back({.offset = static_cast<std::int64_t>(address),
                      .bytes = static_cast<std::int64_t>(bytes),
                      .filter_mask = mask});
    more = false;
    for (std::size_t axis = grid.size(); axis-- > 0 && !more;) {
      origin[axis] += static_cast<hsize_t>(array.chunk[axis]);
      more = origin[axis] < static_cast<hsize_t>(array.shape[axis]);
      if (!more) origin[axis] = 0;
    }
  }
  return places;
}

bool take_chunk_shape(const OpenArray& open, StoredArray& array) {
  std::array<hsize_t, H5S_MAX_RANK> chunk{};
  const int axes = H5Pget_chunk(open.properties.get(), H5S_MAX_RANK, chunk.data());
  if (axes != static_cast<int>(array.shape.size())) return false;
  array.chunk.assign(chunk.begin(), chunk.begin() + axes);
  return true;
}

hid_t memory_type(const StoredArray& array) {
  switch (type_called(array.type)) {
    case torch::kUInt8:
      return H5T_NATIVE_UINT8;
    case torch::kInt16:
      return H5T_NATIVE_INT16;
    default:
      return H5T_NATIVE_FLOAT;
  }
}

bool lies_at(const StoredChunk& a, const StoredChunk& b) {
  return a.offset == b.offset && a.bytes == b.bytes;
}

bool type_holds(const Hdf5File& file, const OpenArray& open, const StoredArray& array) {
  const Hdf5Handle type(H5Dget_type(open.data.get()), file.path(), "type");
  return H5Tequal(type.get(), memory_type(array)) > 0;
}

}  // namespace

std::optional<StoredArray> locate(const Hdf5File& file, const DataIndex& index,
                                  const StoredArray& recorded) {
  const std::string path = array_path(index, recorded);
  const OpenArray open = open_array(file, path);
  check_shape(file, open, recorded, path);
  StoredArray array = recorded;
  if (!take_filters(open, array) || !type_holds(file, open, array)) return std::nullopt;
  array.chunk = array.shape;
  array.chunks.clear();
  const H5D_layout_t layout = H5Pget_layout(open.properties.get());
  if (layout == H5D_CONTIGUOUS) {
    if (const auto place = contiguous_place(open)) array.chunks = {*place};
  } else if (layout == H5D_CHUNKED && take_chunk_shape(open, array)) {
    array.chunks = chunk_places(open, array);
  }
  if (array.chunks.empty()) return std::nullopt;
  return array;
}

bool places_hold(const Hdf5File& file, const DataIndex& index) {
  const std::size_t count = index.arrays.size();
  const std::size_t probes = std::min(kProbes, count);
  for (std::size_t i = 0; i < probes; ++i) {
    const std::size_t last = probes > 1 ? probes - 1 : 1;
    const StoredArray& recorded = index.arrays[i * (count - 1) / last];
    const std::optional<StoredArray> now = locate(file, index, recorded);
    if (!now || now->shuffle != recorded.shuffle || now->compression != recorded.compression ||
        !std::ranges::equal(now->chunks, recorded.chunks, lies_at))
      return false;
  }
  return true;
}

void relocate(const Hdf5File& file, DataIndex& index) {
  for (StoredArray& array : index.arrays) {
    if (auto now = locate(file, index, array))
      array = std::move(*now);
    else
      array.chunks.clear();
  }
}

torch::Tensor read_through_library(const Hdf5File& file, const DataIndex& index,
                                   const StoredArray& array) {
  const std::string path = array_path(index, array);
  const OpenArray open = open_array(file, path);
  check_shape(file, open, array, path);
  torch::Tensor values = torch::empty(array.shape, type_called(array.type));
  check_hdf5(H5Dread(open.data.get(), memory_type(array), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                     values.mutable_data_ptr()),
             file.path(), path);
  return values;
}

}  // namespace medsweep::datasets
