#include "datasets/data_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "base/files.h"
#include "datasets/array_location.h"
#include "datasets/array_reader.h"
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

using Shape = std::vector<std::int64_t>;

/// The shapes that a sample's arrays must have; n objects.
std::map<std::string_view, Shape> expected_shapes(const DataIndex& index, std::size_t sample) {
  const Extent& size = index.sizes[sample];
  const Shape plane = index.header.dimension == 3 ? Shape{size.depth, size.height, size.width}
                                                  : Shape{size.height, size.width};
  Shape image = plane;
  image.insert(image.begin(), index.header.channels);
  const std::int64_t count = index.instances[sample];
  return {{"image", image},         {"labels", plane},
          {"field_of_view", plane}, {"second_observer", plane},
          {"boxes", {count, 4}},    {"box_labels", {count}},
          {"box_ignore", {count}},  {"masks", {count, size.height, size.width}}};
}

/// That every sample has what RawSample promises, before anything is allocated by it.
void check_samples(const std::string& path, const DataIndex& index) {
  for (std::size_t i = 0; i < index.samples.size(); ++i) {
    const auto shapes = expected_shapes(index, i);
    bool fits = array_of(index, i, "image") != nullptr &&
                (array_of(index, i, "labels") != nullptr) == (index.foreground[i] >= 0);
    for (const char* name : {"boxes", "box_labels", "box_ignore"})
      fits = fits && (array_of(index, i, name) != nullptr) == (index.instances[i] > 0);
    for (std::size_t k = index.first_array[i]; k < index.first_array[i + 1]; ++k) {
      const auto known = shapes.find(index.arrays[k].name);
      fits = fits && (known == shapes.end() || known->second == index.arrays[k].shape);
    }
    if (!fits)
      throw std::runtime_error(fmt::format("[{}] sample '{}': its arrays do not fit the index",
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

torch::Tensor narrowed(torch::Tensor values, const ArrayBox& box) {
  for (std::int64_t axis = 0; axis < values.dim(); ++axis)
    values = values.narrow(axis, box.first[static_cast<std::size_t>(axis)],
                           box.count[static_cast<std::size_t>(axis)]);
  return values.contiguous();
}

}  // namespace

struct DataFile::Content {
  std::filesystem::path path;
  DataIndex index;
  Places places;
  FileDescriptor descriptor;
  std::vector<std::size_t> first_chunk;  // of each array, among all chunks
  mutable std::vector<std::atomic<std::uint8_t>> verified;

  Content(std::filesystem::path file, LoadedIndex loaded);
  torch::Tensor read(std::size_t number, const ArrayBox* box, const torch::Tensor& into) const;
  torch::Tensor named(std::size_t sample, std::string_view name, bool wanted,
                      const ArrayBox* box = nullptr, const torch::Tensor& into = {}) const;
  Instances instances(std::size_t sample) const;
  std::size_t position(std::int64_t number) const;
};

DataFile::Content::Content(std::filesystem::path file, LoadedIndex loaded)
    : path(std::move(file)),
      index(std::move(loaded.index)),
      places(loaded.places),
      descriptor(static_cast<int>(check_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC),
                                              path.string(), "cannot be opened"))) {
  std::size_t chunks = 0;
  for (const StoredArray& array : index.arrays) {
    first_chunk.push_back(chunks);
    chunks += array.chunks.size();
  }
  verified = std::vector<std::atomic<std::uint8_t>>(chunks);
}

/// The array, or a box of it.
torch::Tensor DataFile::Content::read(std::size_t number, const ArrayBox* box,
                                      const torch::Tensor& into) const {
  const StoredArray& array = index.arrays[number];
  if (array.chunks.empty()) {
    const std::lock_guard lock(hdf5_mutex());
    const torch::Tensor all = read_through_library(Hdf5File(path, Hdf5Mode::kRead), index, array);
    return box == nullptr ? all : narrowed(all, *box);
  }
  const ArrayBox read = box == nullptr ? whole(array) : *box;
  const torch::IntArrayRef shape(read.count.data(), array.shape.size());
  const torch::ScalarType type = type_called(array.type);
  const bool fits = into.defined() && into.scalar_type() == type && into.sizes() == shape;
  torch::Tensor values = fits ? into : torch::empty(shape, type);
  datasets::read_box(descriptor.get(), array, read,
                     places == Places::kRecorded ? Checksums::kRecorded : Checksums::kUnknown,
                     Verified(verified).subspan(first_chunk[number], array.chunks.size()), values);
  return values;
}

/// An array of a sample; undefined where it is not there or not wanted.
torch::Tensor DataFile::Content::named(std::size_t sample, std::string_view name, bool wanted,
                                       const ArrayBox* box, const torch::Tensor& into) const {
  const StoredArray* array = wanted ? array_of(index, sample, name) : nullptr;
  if (array == nullptr) return {};
  try {
    return read(static_cast<std::size_t>(array - index.arrays.data()), box, into);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(fmt::format("[{}] sample '{}', {}: {}", path.string(),
                                         index.samples[sample].name, name, error.what()));
  }
}

Instances DataFile::Content::instances(std::size_t sample) const {
  const std::int64_t count = index.instances[sample];
  if (count < 0) return {};
  if (count == 0)
    return {
        torch::empty({0, 4}, torch::kFloat32), torch::empty({0}, torch::kUInt8),
        torch::empty({0}, torch::kUInt8),
        torch::empty({0, index.sizes[sample].height, index.sizes[sample].width}, torch::kUInt8)};
  return {named(sample, "boxes", true), named(sample, "box_labels", true),
          named(sample, "box_ignore", true), named(sample, "masks", true)};
}

std::size_t DataFile::Content::position(std::int64_t number) const {
  if (number < 0 || number >= std::ssize(index.samples))
    throw std::out_of_range(fmt::format("[{}] sample {}; 0 to {} are allowed", path.string(),
                                        number, std::ssize(index.samples) - 1));
  return static_cast<std::size_t>(number);
}

DataFile::DataFile(const std::filesystem::path& path)
    : content_(std::make_unique<const Content>(path, load_index(path))) {}

DataFile::~DataFile() = default;
DataFile::DataFile(DataFile&&) noexcept = default;
DataFile& DataFile::operator=(DataFile&&) noexcept = default;

const DataFileHeader& DataFile::header() const { return content_->index.header; }
const std::filesystem::path& DataFile::path() const { return content_->path; }
const std::vector<SampleId>& DataFile::samples() const { return content_->index.samples; }
const std::vector<Extent>& DataFile::sizes() const { return content_->index.sizes; }
const std::vector<std::int64_t>& DataFile::foreground() const { return content_->index.foreground; }
const std::vector<std::int64_t>& DataFile::instances() const { return content_->index.instances; }
const std::string& DataFile::digest() const { return content_->index.digest; }

const std::string& DataFile::sample_digest(std::int64_t index) const {
  return content_->index.sample_digests.at(static_cast<std::size_t>(index));
}

RawSample DataFile::read(std::int64_t number, const Parts& parts,
                         const torch::Tensor& image) const {
  const std::size_t at = content_->position(number);
  RawSample sample;
  sample.id = content_->index.samples[at];
  const bool compare = content_->places == Places::kAsked;  // no checksums then: the digest's turn
  sample.image = content_->named(at, "image", parts.image || compare, nullptr, image);
  sample.labels = content_->named(at, "labels", parts.labels || compare);
  sample.field_of_view = content_->named(at, "field_of_view", parts.field_of_view || compare);
  sample.second_observer = content_->named(at, "second_observer", parts.second_observer || compare);
  if (parts.instances || compare) sample.instances = content_->instances(at);
  if (compare && digest_of(sample) != content_->index.sample_digests[at])
    throw std::runtime_error(
        fmt::format("[{}] sample '{}' was changed since it was prepared: its digest differs",
                    content_->path.string(), sample.id.name));
  return sample;
}

RawSample DataFile::read_box(std::int64_t number, const std::array<std::int64_t, 3>& first,
                             const Extent& extent, const Parts& parts) const {
  const std::size_t at = content_->position(number);
  const Extent& size = content_->index.sizes[at];
  const std::array<std::int64_t, 3> count{extent.depth, extent.height, extent.width};
  const std::array<std::int64_t, 3> sides{size.depth, size.height, size.width};
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (first[axis] < 0 || count[axis] < 1 || first[axis] + count[axis] > sides[axis])
      throw std::out_of_range(fmt::format("[{}] sample '{}': {} from {} along axis {} of length {}",
                                          content_->path.string(), content_->index.samples[at].name,
                                          count[axis], first[axis], axis, sides[axis]));
  ArrayBox image, plane;
  image.count[0] = header().channels;
  const auto axes = static_cast<std::size_t>(header().dimension), skipped = 3 - axes;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    image.first[axis + 1] = plane.first[axis] = first[axis + skipped];
    image.count[axis + 1] = plane.count[axis] = count[axis + skipped];
  }
  RawSample sample;
  sample.id = content_->index.samples[at];
  sample.image = content_->named(at, "image", parts.image, &image);
  sample.labels = content_->named(at, "labels", parts.labels, &plane);
  sample.field_of_view = content_->named(at, "field_of_view", parts.field_of_view, &plane);
  return sample;
}

std::optional<DataFileSummary> summarize(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const DataIndex index = load_index(path).index;
  std::set<std::string_view> patients;
  for (const SampleId& id : index.samples) patients.insert(id.patient);
  return DataFileSummary{.name = index.header.name,
                         .digest = index.digest,
                         .classes = index.header.classes,
                         .regions = index.header.regions,
                         .channels = index.header.channels,
                         .dimension = index.header.dimension,
                         .sizes = index.sizes,
                         .samples = std::ssize(index.samples),
                         .patients = std::ssize(patients),
                         .bytes = static_cast<std::int64_t>(std::filesystem::file_size(path))};
}

}  // namespace medsweep::datasets
