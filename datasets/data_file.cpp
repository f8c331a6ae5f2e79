#include "datasets/data_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "base/files.h"
#include "datasets/array_location.h"
#include "datasets/data_index.h"

namespace medsweep::datasets {
namespace {

constexpr std::string_view kHdf5Signature = "\x89HDF\r\n\x1a\n";

void check_signature(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path))
    throw std::invalid_argument(fmt::format(
        "[{}] cannot be read; a data file of `runner prepare` is allowed", path.string()));
  std::string start(kHdf5Signature.size(), '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  if (start != kHdf5Signature)
    throw std::invalid_argument(fmt::format(
        "[{}] is not an HDF5 file; a data file of `runner prepare` is allowed", path.string()));
}

const StoredArray* array_of(const DataIndex& index, std::size_t sample, std::string_view name) {
  for (std::size_t i = index.first_array[sample]; i < index.first_array[sample + 1]; ++i)
    if (index.arrays[i].name == name) return &index.arrays[i];
  return nullptr;
}

/// That every sample has what RawSample promises, before anything is allocated by it.
void check_samples(const std::string& path, const DataIndex& index) {
  for (std::size_t i = 0; i < index.samples.size(); ++i) {
    const Extent size = index.sizes[i];
    const std::vector<std::int64_t> flat{size.height, size.width};
    const StoredArray* image = array_of(index, i, "image");
    const StoredArray* labels = array_of(index, i, "labels");
    const StoredArray* view = array_of(index, i, "field_of_view");
    if (image == nullptr || labels == nullptr ||
        image->shape != std::vector<std::int64_t>{index.channels, size.height, size.width} ||
        labels->shape != flat || (view != nullptr && view->shape != flat))
      throw std::runtime_error(
          fmt::format("[{}] sample '{}': its image, labels and field of view do not fit the index",
                      path, index.samples[i].name));
  }
}

struct LoadedIndex {
  DataIndex index;
  Places places = Places::kRecorded;
};

LoadedIndex load_index(const std::filesystem::path& path) {
  check_signature(path);
  const std::lock_guard lock(hdf5_mutex());
  const Hdf5File file(path, Hdf5Mode::kRead);
  LoadedIndex loaded{.index = read_index(file)};
  check_samples(file.path(), loaded.index);
  if (!places_hold(file, loaded.index)) {
    relocate(file, loaded.index);
    loaded.places = Places::kAsked;
  }
  return loaded;
}

/// All bytes of a chunk; a file that ends early is an error.
std::vector<std::uint8_t> read_stored(int descriptor, const StoredChunk& chunk) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(chunk.bytes));
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = pread(descriptor, bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(chunk.offset) + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    check_errno(count, "pread", "chunk cannot be read");
    if (count == 0) throw std::runtime_error("the file ends early");
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

std::int64_t checksum_of(const std::vector<std::uint8_t>& bytes) {
  return crc32({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void add_array(Sha256& digest, const char* name, const torch::Tensor& values) {
  const torch::Tensor plain = values.contiguous();
  digest.update(fmt::format("{} {} {}\n", name, type_name(plain.scalar_type()),
                            fmt::join(plain.sizes(), " ")));
  digest.update(plain.const_data_ptr(), plain.nbytes());
}

}  // namespace

struct DataFile::Content {
  std::filesystem::path path;
  DataIndex index;
  Places places;
  FileDescriptor descriptor;

  torch::Tensor read_array(const StoredArray& array) const;
};

torch::Tensor DataFile::Content::read_array(const StoredArray& array) const {
  if (array.chunks.empty()) {
    const std::lock_guard lock(hdf5_mutex());
    return read_through_library(Hdf5File(path, Hdf5Mode::kRead), index, array);
  }
  const StoredChunk& chunk = array.chunks[0];
  const std::vector<std::uint8_t> stored = read_stored(descriptor.get(), chunk);
  if (places == Places::kRecorded && checksum_of(stored) != chunk.crc32)
    throw std::runtime_error("checksum differs: damaged or changed since it was prepared");
  torch::Tensor values = torch::empty(array.shape, type_called(array.type));
  decode_chunk(stored, array, chunk.filter_mask, values);
  return values;
}

DataFile::DataFile(const std::filesystem::path& path) {
  LoadedIndex loaded = load_index(path);
  const auto descriptor = static_cast<int>(
      check_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC), path.string(), "cannot be opened"));
  content_ = std::make_unique<const Content>(
      Content{path, std::move(loaded.index), loaded.places, FileDescriptor(descriptor)});
}

DataFile::~DataFile() = default;
DataFile::DataFile(DataFile&&) noexcept = default;
DataFile& DataFile::operator=(DataFile&&) noexcept = default;

const std::string& DataFile::name() const { return content_->index.name; }
const std::filesystem::path& DataFile::path() const { return content_->path; }
const std::vector<std::string>& DataFile::classes() const { return content_->index.classes; }
std::int64_t DataFile::channels() const { return content_->index.channels; }
const std::vector<SampleId>& DataFile::samples() const { return content_->index.samples; }
const std::vector<Extent>& DataFile::sizes() const { return content_->index.sizes; }
const std::string& DataFile::digest() const { return content_->index.digest; }

const std::string& DataFile::sample_digest(std::int64_t index) const {
  return content_->index.sample_digests.at(static_cast<std::size_t>(index));
}

RawSample DataFile::read(std::int64_t number) const {
  const DataIndex& index = content_->index;
  const std::string file = content_->path.string();
  if (number < 0 || number >= std::ssize(index.samples))
    throw std::out_of_range(fmt::format("[{}] sample {}; 0 to {} are allowed", file, number,
                                        std::ssize(index.samples) - 1));
  const auto at = static_cast<std::size_t>(number);
  RawSample sample;
  sample.id = index.samples[at];
  for (std::size_t i = index.first_array[at]; i < index.first_array[at + 1]; ++i) {
    const StoredArray& array = index.arrays[i];
    try {
      if (array.name == "image") sample.image = content_->read_array(array);
      if (array.name == "labels") sample.labels = content_->read_array(array);
      if (array.name == "field_of_view") sample.field_of_view = content_->read_array(array);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(
          fmt::format("[{}] sample '{}', {}: {}", file, sample.id.name, array.name, error.what()));
    }
  }
  if (content_->places == Places::kAsked && digest_of(sample) != index.sample_digests[at])
    throw std::runtime_error(
        fmt::format("[{}] sample '{}' was changed since it was prepared: its digest differs", file,
                    sample.id.name));
  return sample;
}

std::optional<DataFileSummary> summarize(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const DataIndex index = load_index(path).index;
  std::set<std::string_view> patients;
  for (const SampleId& id : index.samples) patients.insert(id.patient);
  return DataFileSummary{.name = index.name,
                         .digest = index.digest,
                         .classes = index.classes,
                         .channels = index.channels,
                         .sizes = index.sizes,
                         .samples = std::ssize(index.samples),
                         .patients = std::ssize(patients),
                         .bytes = static_cast<std::int64_t>(std::filesystem::file_size(path))};
}

std::string digest_of(const RawSample& sample) {
  const SampleId& id = sample.id;
  Sha256 digest;
  digest.update(fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\n", id.name, id.case_name, id.patient,
                            id.group, id.source, id.slice, fmt::join(id.spacing, " ")));
  add_array(digest, "image", sample.image);
  add_array(digest, "labels", sample.labels);
  if (sample.field_of_view.defined()) add_array(digest, "field_of_view", sample.field_of_view);
  return digest.hex();
}

}  // namespace medsweep::datasets
