#include "datasets/data_file_writer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/digest.h"
#include "base/files.h"
#include "datasets/data_index.h"
#include "datasets/in_parallel.h"

namespace medsweep::datasets {
namespace {

bool is_one_word(const std::string& name) {
  return !name.empty() && std::ranges::none_of(name, [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
  });
}

void check_regions(const std::string& path, const DataFileHeader& header) {
  for (const Region& region : header.regions)
    for (const std::int64_t label : region.labels)
      if (!is_one_word(region.name) || label < 1 || label > std::ssize(header.classes))
        throw std::invalid_argument(
            fmt::format("[{}] region '{}' of label {}; a name without spaces and labels 1 to {} "
                        "are allowed",
                        path, region.name, label, header.classes.size()));
}

hid_t stored_type(torch::ScalarType type) {
  if (type == torch::kUInt8) return H5T_STD_U8LE;
  return type == torch::kInt16 ? H5T_STD_I16LE : H5T_IEEE_F32LE;
}

Hdf5Handle chunked_properties(const std::string& path, const StoredArray& array) {
  const std::vector<hsize_t> chunk(array.chunk.begin(), array.chunk.end());
  Hdf5Handle properties = dataset_properties(path);
  check_hdf5(H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data()), path,
             "chunks not set");
  if (array.shuffle == Shuffle::kYes)
    check_hdf5(H5Pset_shuffle(properties.get()), path, "shuffle filter not set");
  if (array.compression == Compression::kDeflate)
    check_hdf5(H5Pset_deflate(properties.get(), kDeflateLevel), path, "deflate filter not set");
  if (array.compression == Compression::kZstd)  // optional: the plug-in is needed to read, not here
    check_hdf5(H5Pset_filter(properties.get(), kZstdFilter, H5Z_FLAG_OPTIONAL, 0, nullptr), path,
               "zstd filter not set");
  return properties;
}

StoredChunk write_chunk(const std::string& path, hid_t data, const std::vector<hsize_t>& origin,
                        const std::vector<std::uint8_t>& bytes) {
  check_hdf5(H5Dwrite_chunk(data, H5P_DEFAULT, 0, origin.data(), bytes.size(), bytes.data()), path,
             "chunk cannot be written");
  unsigned mask = 0;
  haddr_t address = HADDR_UNDEF;
  hsize_t stored = 0;
  check_hdf5(H5Dget_chunk_info_by_coord(data, origin.data(), &mask, &address, &stored), path,
             "chunk has no place");
  return {.offset = static_cast<std::int64_t>(address),
          .bytes = static_cast<std::int64_t>(stored),
          .filter_mask = mask,
          .crc32 = crc32({reinterpret_cast<const char*>(bytes.data()), bytes.size()})};
}

/// Stores one array of a sample, compressed before; fills in the places of its chunks.
StoredArray write_array(const Hdf5File& file, hid_t group, const EncodedSample::Array& encoded) {
  StoredArray array = encoded.stored;
  const std::vector<hsize_t> sizes(array.shape.begin(), array.shape.end());
  const Hdf5Handle space(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                         file.path(), array.name);
  const Hdf5Handle data(
      H5Dcreate2(group, array.name.c_str(), stored_type(type_called(array.type)), space.get(),
                 H5P_DEFAULT, chunked_properties(file.path(), array).get(), H5P_DEFAULT),
      file.path(), array.name);
  const std::vector<std::int64_t> grid = chunk_grid(array);
  for (std::size_t number = 0; number < encoded.chunks.size(); ++number) {
    std::vector<hsize_t> origin(grid.size());
    std::size_t rest = number;
    for (std::size_t axis = grid.size(); axis-- > 0;) {
      const auto count = static_cast<std::size_t>(grid[axis]);
      origin[axis] = static_cast<hsize_t>(rest % count) * static_cast<hsize_t>(array.chunk[axis]);
      rest /= count;
    }
    array.chunks.push_back(write_chunk(file.path(), data.get(), origin, encoded.chunks[number]));
  }
  return array;
}

void write_identity(hid_t group, const SampleId& id, const std::string& digest) {
  write_attribute(group, "case", id.case_name);
  write_attribute(group, "patient", id.patient);
  write_attribute(group, "group", id.group);
  write_attribute(group, "source", id.source);
  write_attribute(group, "slice", id.slice);
  if (id.fold >= 0) write_attribute(group, "fold", id.fold);
  if (!id.spacing.empty()) write_attribute(group, "spacing", id.spacing);
  if (!id.affine.empty()) write_attribute(group, "affine", id.affine);
  write_attribute(group, "digest", digest);
}

}  // namespace

void check_header(const std::string& path, const DataFileHeader& header) {
  std::set<std::string> seen;
  for (const std::string& name : header.classes)
    if (!is_one_word(name) || !seen.insert(name).second)
      throw std::invalid_argument(
          fmt::format("[{}] class '{}'; different names without spaces are allowed", path, name));
  if (header.classes.empty() || header.classes.size() > 255 || header.channels < 1)
    throw std::invalid_argument(
        fmt::format("[{}] {} classes and {} channels; 1 to 255 and at least 1 are allowed", path,
                    header.classes.size(), header.channels));
  if (header.dimension != 2 && header.dimension != 3)
    throw std::invalid_argument(
        fmt::format("[{}] dimension {}; 2 and 3 are allowed", path, header.dimension));
  if (!header.label_codes.empty() && header.label_codes.size() != header.classes.size())
    throw std::invalid_argument(fmt::format("[{}] {} label codes for {} classes", path,
                                            header.label_codes.size(), header.classes.size()));
  check_regions(path, header);
}

struct DataFileWriter::State {
  std::filesystem::path path, temporary;
  DataIndex index;
  std::set<std::string> names;
  std::optional<Hdf5File> file;

  ~State() {
    const std::lock_guard lock(hdf5_mutex());
    file.reset();
    unlink(temporary.c_str());  // already renamed where finish() came to its end
  }
  void verify(std::int64_t threads) const;
};

void DataFileWriter::State::verify(std::int64_t threads) const {
  const DataFile written(temporary);
  in_parallel(std::ssize(index.samples), threads, [&](std::int64_t i) {
    if (digest_of(written.read(i)) != index.sample_digests[static_cast<std::size_t>(i)])
      throw std::runtime_error(
          fmt::format("[{}] sample '{}' reads back differently: faulty disk or memory",
                      path.string(), index.samples[static_cast<std::size_t>(i)].name));
  });
}

DataFileWriter::DataFileWriter(const std::filesystem::path& path, const DataFileHeader& header,
                               const std::filesystem::path& temporary)
    : header_(header), state_(std::make_unique<State>()) {
  check_header(path.string(), header);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (path.filename().empty() || !std::filesystem::is_directory(folder))
    throw std::invalid_argument(
        fmt::format("[{}] its folder does not exist; create it first", path.string()));
  state_->path = path;
  state_->index.header = header;
  state_->temporary =
      temporary.empty() ? fmt::format("{}.{}.tmp", path.string(), getpid()) : temporary.string();
  const std::lock_guard lock(hdf5_mutex());
  state_->file.emplace(state_->temporary, Hdf5Mode::kCreate);
  state_->file->create_group("/samples");
}

DataFileWriter::~DataFileWriter() = default;

std::int64_t DataFileWriter::size() const { return std::ssize(state_->index.samples); }

void DataFileWriter::add(const EncodedSample& sample) {
  DataIndex& index = state_->index;
  if (!state_->names.insert(sample.id.name).second)
    throw std::invalid_argument(
        fmt::format("[sample {}] a second one of this name", sample.id.name));
  const std::int64_t number = size();
  const std::lock_guard lock(hdf5_mutex());
  const Hdf5File& file = *state_->file;
  const Hdf5Handle group = file.create_group("/samples/" + sample.id.name);
  write_identity(group.get(), sample.id, sample.digest);
  index.first_array.push_back(index.arrays.size());
  for (const EncodedSample::Array& array : sample.arrays) {
    index.arrays.push_back(write_array(file, group.get(), array));
    index.arrays.back().sample = number;
  }
  index.samples.push_back(sample.id);
  index.samples.back().index = number;
  index.sizes.push_back(sample.size);
  index.foreground.push_back(sample.foreground);
  index.instances.push_back(sample.instances);
  index.sample_digests.push_back(sample.digest);
}

std::string DataFileWriter::finish(std::int64_t threads) {
  State& state = *state_;
  if (state.index.samples.empty())
    throw std::invalid_argument(
        fmt::format("[{}] no samples; at least one is needed", state.path.string()));
  state.index.digest = digest_over(state.index);
  {
    const std::lock_guard lock(hdf5_mutex());
    write_index(*state.file, state.index);
    check_hdf5(H5Fflush(state.file->id(), H5F_SCOPE_GLOBAL), state.path.string(), "not flushed");
    state.file.reset();
  }
  sync_path(state.temporary);
  state.verify(threads);
  std::error_code error;
  std::filesystem::rename(state.temporary, state.path, error);
  if (error)
    throw std::runtime_error(
        fmt::format("[{}] cannot be renamed to: {}", state.path.string(), error.message()));
  sync_path(state.path.has_parent_path() ? state.path.parent_path() : ".");
  return state.index.digest;
}

}  // namespace medsweep::datasets
