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

namespace medsweep::datasets {
namespace {

bool has_control_characters(const std::string& text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// A name is a path below /samples: no empty, "." or ".." component.
bool is_path_of_groups(const std::string& name) {
  for (const std::filesystem::path& part : std::filesystem::path(name))
    if (part.empty() || part == "." || part == ".." || part == "/") return false;
  return !name.empty();
}

[[noreturn]] void refuse(const RawSample& sample, const std::string& what) {
  throw std::invalid_argument(fmt::format("[sample {}] {}", sample.id.name, what));
}

void check_identity(const RawSample& sample) {
  const SampleId& id = sample.id;
  if (!is_path_of_groups(id.name))
    refuse(sample, "its name is no path of groups; \"case/slice\" is allowed");
  for (const std::string* text : {&id.name, &id.case_name, &id.patient, &id.group, &id.source})
    if (has_control_characters(*text)) refuse(sample, "control characters in a name");
  if (id.case_name.empty() || id.patient.empty()) refuse(sample, "no case or no patient");
  const bool positive =
      std::ranges::all_of(id.spacing, [](double mm) { return std::isfinite(mm) && mm > 0; });
  if (!id.spacing.empty() && (id.spacing.size() != 3 || !positive))
    refuse(sample, "spacing is to be three positive lengths in mm, or unknown");
}

bool is_plane(const torch::Tensor& tensor, const torch::Tensor& image) {
  return tensor.defined() && tensor.dim() == 2 && tensor.scalar_type() == torch::kUInt8 &&
         tensor.size(0) == image.size(1) && tensor.size(1) == image.size(2);
}

void check_arrays(const RawSample& sample, const DataIndex& index) {
  const torch::Tensor& image = sample.image;
  if (!image.defined() || image.dim() != 3 || image.size(0) != index.channels || image.numel() == 0)
    refuse(sample, fmt::format("its image is not [{}, H, W]", index.channels));
  type_name(image.scalar_type());
  if (image.is_floating_point() && !image.isfinite().all().item<bool>())
    refuse(sample, "its image holds infinite values or no numbers");
  if (!is_plane(sample.labels, image)) refuse(sample, "its labels are not [H, W] uint8");
  const auto largest = sample.labels.max().item<std::int64_t>();
  if (largest > std::ssize(index.classes))
    refuse(sample, fmt::format("label {}; 0 to {} are allowed", largest, index.classes.size()));
  if (!sample.field_of_view.defined()) return;
  if (!is_plane(sample.field_of_view, image) || sample.field_of_view.max().item<int>() > 1)
    refuse(sample, "its field of view is not [H, W] uint8 of 0 and 1");
}

void check_header(const std::string& path, const DataFileHeader& header) {
  std::set<std::string> seen;
  for (const std::string& name : header.classes)
    if (name.empty() || name.find(' ') != std::string::npos || has_control_characters(name) ||
        !seen.insert(name).second)
      throw std::invalid_argument(
          fmt::format("[{}] class '{}'; different names without spaces are allowed", path, name));
  if (header.classes.empty() || header.classes.size() > 255 || header.channels < 1)
    throw std::invalid_argument(
        fmt::format("[{}] {} classes and {} channels; 1 to 255 and at least 1 are allowed", path,
                    header.classes.size(), header.channels));
}

hid_t stored_type(torch::ScalarType type) {
  if (type == torch::kUInt8) return H5T_STD_U8LE;
  return type == torch::kInt16 ? H5T_STD_I16LE : H5T_IEEE_F32LE;
}

Hdf5Handle chunked_properties(const std::string& path, const std::vector<hsize_t>& sizes,
                              Shuffle shuffle) {
  Hdf5Handle properties = dataset_properties(path);
  check_hdf5(H5Pset_chunk(properties.get(), static_cast<int>(sizes.size()), sizes.data()), path,
             "chunks not set");
  if (shuffle == Shuffle::kYes)
    check_hdf5(H5Pset_shuffle(properties.get()), path, "shuffle filter not set");
  check_hdf5(H5Pset_deflate(properties.get(), 6), path, "deflate filter not set");
  return properties;
}

/// Stores one array of a sample as one chunk, compressed here.
StoredArray write_array(const Hdf5File& file, hid_t group, const char* name,
                        const torch::Tensor& given) {
  const torch::Tensor values = given.contiguous();
  StoredArray array{.name = name,
                    .type = type_name(values.scalar_type()),
                    .shape = values.sizes().vec(),
                    .chunk = values.sizes().vec(),
                    .shuffle = values.element_size() > 1 ? Shuffle::kYes : Shuffle::kNo};
  const std::vector<hsize_t> sizes(array.shape.begin(), array.shape.end());
  const std::vector<hsize_t> origin(sizes.size(), 0);
  const Hdf5Handle space(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                         file.path(), name);
  const Hdf5Handle data(
      H5Dcreate2(group, name, stored_type(values.scalar_type()), space.get(), H5P_DEFAULT,
                 chunked_properties(file.path(), sizes, array.shuffle).get(), H5P_DEFAULT),
      file.path(), name);
  const std::vector<std::uint8_t> bytes = encode_chunk(values, array.shuffle);
  check_hdf5(H5Dwrite_chunk(data.get(), H5P_DEFAULT, 0, origin.data(), bytes.size(), bytes.data()),
             file.path(), "chunk cannot be written");
  unsigned mask = 0;
  haddr_t address = HADDR_UNDEF;
  hsize_t stored = 0;
  check_hdf5(H5Dget_chunk_info_by_coord(data.get(), origin.data(), &mask, &address, &stored),
             file.path(), "chunk has no place");
  array.chunks.push_back(
      {.offset = static_cast<std::int64_t>(address),
       .bytes = static_cast<std::int64_t>(stored),
       .filter_mask = mask,
       .crc32 = crc32({reinterpret_cast<const char*>(bytes.data()), bytes.size()})});
  return array;
}

void write_identity(hid_t group, const SampleId& id, const std::string& digest) {
  write_attribute(group, "case", id.case_name);
  write_attribute(group, "patient", id.patient);
  write_attribute(group, "group", id.group);
  write_attribute(group, "source", id.source);
  write_attribute(group, "slice", id.slice);
  if (!id.spacing.empty()) write_attribute(group, "spacing", id.spacing);
  write_attribute(group, "digest", digest);
}

}  // namespace

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
  void verify() const;
};

void DataFileWriter::State::verify() const {
  const DataFile written(temporary);
  for (std::int64_t i = 0; i < std::ssize(index.samples); ++i)
    if (digest_of(written.read(i)) != index.sample_digests[static_cast<std::size_t>(i)])
      throw std::runtime_error(
          fmt::format("[{}] sample '{}' reads back differently: faulty disk or memory",
                      path.string(), index.samples[static_cast<std::size_t>(i)].name));
}

DataFileWriter::DataFileWriter(const std::filesystem::path& path, const DataFileHeader& header)
    : state_(std::make_unique<State>()) {
  check_header(path.string(), header);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (path.filename().empty() || !std::filesystem::is_directory(folder))
    throw std::invalid_argument(
        fmt::format("[{}] its folder does not exist; create it first", path.string()));
  state_->path = path;
  state_->index.name = header.name;
  state_->index.classes = header.classes;
  state_->index.channels = header.channels;
  state_->temporary = fmt::format("{}.{}.tmp", path.string(), getpid());
  const std::lock_guard lock(hdf5_mutex());
  state_->file.emplace(state_->temporary, Hdf5Mode::kCreate);
  state_->file->create_group("/samples");
}

DataFileWriter::~DataFileWriter() = default;

std::int64_t DataFileWriter::size() const { return std::ssize(state_->index.samples); }

void DataFileWriter::add(const RawSample& sample) {
  DataIndex& index = state_->index;
  check_identity(sample);
  check_arrays(sample, index);
  if (!state_->names.insert(sample.id.name).second) refuse(sample, "a second one of this name");
  const std::string digest = digest_of(sample);
  const std::int64_t number = size();
  const std::lock_guard lock(hdf5_mutex());
  const Hdf5File& file = *state_->file;
  const Hdf5Handle group = file.create_group("/samples/" + sample.id.name);
  write_identity(group.get(), sample.id, digest);
  index.first_array.push_back(index.arrays.size());
  const std::pair<const char*, torch::Tensor> parts[]{
      {"image", sample.image}, {"labels", sample.labels}, {"field_of_view", sample.field_of_view}};
  for (const auto& [name, values] : parts) {
    if (!values.defined()) continue;
    index.arrays.push_back(write_array(file, group.get(), name, values));
    index.arrays.back().sample = number;
  }
  index.samples.push_back(sample.id);
  index.samples.back().index = number;
  index.sizes.push_back({sample.image.size(1), sample.image.size(2)});
  index.sample_digests.push_back(digest);
}

std::string DataFileWriter::finish() {
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
  state.verify();
  std::error_code error;
  std::filesystem::rename(state.temporary, state.path, error);
  if (error)
    throw std::runtime_error(
        fmt::format("[{}] cannot be renamed to: {}", state.path.string(), error.message()));
  sync_path(state.path.has_parent_path() ? state.path.parent_path() : ".");
  return state.index.digest;
}

}  // namespace medsweep::datasets
