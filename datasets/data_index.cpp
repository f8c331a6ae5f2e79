#include "datasets/data_index.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "base/digest.h"

namespace medsweep::datasets {
namespace {

constexpr std::size_t kMaximumAxes = 4;
constexpr std::array<const char*, 3> kSpacingColumns{"spacing_depth", "spacing_height",
                                                     "spacing_width"};
using Integers = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

Table samples_table(const DataIndex& index) {
  Texts names, cases, patients, groups, sources;
  Integers slices, heights, widths;
  std::array<std::vector<double>, 3> spacing;
  for (std::size_t i = 0; i < index.samples.size(); ++i) {
    const SampleId& id = index.samples[i];
    names.push_back(id.name);
    cases.push_back(id.case_name);
    patients.push_back(id.patient);
    groups.push_back(id.group);
    sources.push_back(id.source);
    slices.push_back(id.slice);
    heights.push_back(index.sizes[i].height);
    widths.push_back(index.sizes[i].width);
    for (std::size_t axis = 0; axis < 3; ++axis)
      spacing[axis].push_back(id.spacing.empty() ? std::numeric_limits<double>::quiet_NaN()
                                                 : id.spacing[axis]);
  }
  Table table;
  table.add("name", names);
  table.add("case", cases);
  table.add("patient", patients);
  table.add("group", groups);
  table.add("source", sources);
  table.add("slice", slices);
  table.add("height", heights);
  table.add("width", widths);
  for (std::size_t axis = 0; axis < 3; ++axis) table.add(kSpacingColumns[axis], spacing[axis]);
  table.add("digest", index.sample_digests);
  return table;
}

void add_axes(Table& table, const std::string& prefix, const std::vector<Integers>& shapes) {
  for (std::size_t axis = 0; axis < kMaximumAxes; ++axis) {
    Integers column;
    for (const Integers& shape : shapes) column.push_back(axis < shape.size() ? shape[axis] : 0);
    table.add(fmt::format("{}_{}", prefix, axis), column);
  }
}

Table arrays_table(const DataIndex& index) {
  Integers samples, shuffles, first_chunks, chunk_counts;
  Texts names, types, compressions;
  std::vector<Integers> shapes, chunk_shapes;
  std::int64_t next_chunk = 0;
  for (const StoredArray& array : index.arrays) {
    samples.push_back(array.sample);
    names.push_back(array.name);
    types.push_back(array.type);
    shapes.push_back(array.shape);
    chunk_shapes.push_back(array.chunk);
    shuffles.push_back(array.shuffle == Shuffle::kYes ? 1 : 0);
    compressions.push_back(array.compression == Compression::kDeflate ? "deflate" : "none");
    first_chunks.push_back(next_chunk);
    chunk_counts.push_back(static_cast<std::int64_t>(array.chunks.size()));
    next_chunk += chunk_counts.back();
  }
  Table table;
  table.add("sample", samples);
  table.add("name", names);
  table.add("type", types);
  add_axes(table, "shape", shapes);
  add_axes(table, "chunk", chunk_shapes);
  table.add("shuffle", shuffles);
  table.add("compression", compressions);
  table.add("first_chunk", first_chunks);
  table.add("chunks", chunk_counts);
  return table;
}

Table chunks_table(const DataIndex& index) {
  Integers offsets, bytes, masks, checksums;
  for (const StoredArray& array : index.arrays)
    for (const StoredChunk& chunk : array.chunks) {
      offsets.push_back(chunk.offset);
      bytes.push_back(chunk.bytes);
      masks.push_back(chunk.filter_mask);
      checksums.push_back(chunk.crc32);
    }
  Table table;
  table.add("offset", offsets);
  table.add("bytes", bytes);
  table.add("filter_mask", masks);
  table.add("crc32", checksums);
  return table;
}

void read_samples(const Table& table, DataIndex& index) {
  const Texts &names = table.texts("name"), &cases = table.texts("case"),
              &patients = table.texts("patient"), &groups = table.texts("group"),
              &sources = table.texts("source");
  const Integers &slices = table.integers("slice"), &heights = table.integers("height"),
                 &widths = table.integers("width");
  const std::vector<double>&depths = table.reals(kSpacingColumns[0]),
        &rows = table.reals(kSpacingColumns[1]), &columns = table.reals(kSpacingColumns[2]);
  index.sample_digests = table.texts("digest");
  index.samples.reserve(table.rows());
  for (std::size_t i = 0; i < table.rows(); ++i) {
    index.samples.push_back({.index = static_cast<std::int64_t>(i),
                             .name = names[i],
                             .case_name = cases[i],
                             .patient = patients[i],
                             .group = groups[i],
                             .source = sources[i],
                             .slice = slices[i],
                             .spacing = {}});
    if (!std::isnan(depths[i])) index.samples.back().spacing = {depths[i], rows[i], columns[i]};
    index.sizes.push_back({heights[i], widths[i]});
  }
}

/// shape_0 ... shape_3, or chunk_0 ... chunk_3.
class AxesColumns {
 public:
  AxesColumns(const Table& table, const std::string& prefix) {
    for (std::size_t axis = 0; axis < kMaximumAxes; ++axis)
      columns_[axis] = &table.integers(fmt::format("{}_{}", prefix, axis));
  }
  Integers at(std::size_t row) const {
    Integers axes;
    for (const Integers* column : columns_)
      if ((*column)[row] > 0) axes.push_back((*column)[row]);
    return axes;
  }

 private:
  std::array<const Integers*, kMaximumAxes> columns_{};
};

std::vector<StoredChunk> all_chunks(const Table& table) {
  const Integers &offsets = table.integers("offset"), &bytes = table.integers("bytes"),
                 &masks = table.integers("filter_mask"), &checksums = table.integers("crc32");
  std::vector<StoredChunk> chunks(table.rows());
  for (std::size_t i = 0; i < chunks.size(); ++i)
    chunks[i] = {offsets[i], bytes[i], masks[i], checksums[i]};
  return chunks;
}

/// Throws std::out_of_range for rows that the table of chunks does not have.
std::vector<StoredChunk> chunks_between(const std::vector<StoredChunk>& all, std::int64_t first,
                                        std::int64_t count) {
  if (first < 0 || count < 0 || first + count > std::ssize(all))
    throw std::out_of_range("chunks beyond their table");
  return {all.begin() + first, all.begin() + first + count};
}

void read_arrays(const Table& table, const std::vector<StoredChunk>& all, DataIndex& index) {
  const Integers &samples = table.integers("sample"), &shuffles = table.integers("shuffle"),
                 &first_chunks = table.integers("first_chunk"), &counts = table.integers("chunks");
  const Texts &names = table.texts("name"), &types = table.texts("type"),
              &compressions = table.texts("compression");
  const AxesColumns shapes(table, "shape"), chunk_shapes(table, "chunk");
  index.first_array.assign(index.samples.size() + 1, table.rows());
  for (std::size_t row = table.rows(); row-- > 0;)
    index.first_array.at(static_cast<std::size_t>(samples[row])) = row;
  index.arrays.reserve(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row)
    index.arrays.push_back(
        {.sample = samples[row],
         .name = names[row],
         .type = types[row],
         .shape = shapes.at(row),
         .chunk = chunk_shapes.at(row),
         .shuffle = shuffles[row] != 0 ? Shuffle::kYes : Shuffle::kNo,
         .compression = compressions[row] == "deflate" ? Compression::kDeflate : Compression::kNone,
         .chunks = chunks_between(all, first_chunks[row], counts[row])});
}

void read_tables(const Hdf5File& file, DataIndex& index) try {
  read_samples(read_table(file, "/index/samples"), index);
  read_arrays(read_table(file, "/index/arrays"), all_chunks(read_table(file, "/index/chunks")),
              index);
} catch (const std::out_of_range& error) {
  throw std::runtime_error(
      fmt::format("[{}] its index does not fit together: {}", file.path(), error.what()));
}

}  // namespace

void write_index(const Hdf5File& file, const DataIndex& index) {
  write_attribute(file.id(), "medsweep_format", kDataFormat);
  write_attribute(file.id(), "name", index.name);
  write_attribute(file.id(), "classes", index.classes);
  write_attribute(file.id(), "channels", index.channels);
  write_attribute(file.id(), "digest", index.digest);
  file.create_group("/index");
  write_table(file, "/index/samples", samples_table(index));
  write_table(file, "/index/arrays", arrays_table(index));
  write_table(file, "/index/chunks", chunks_table(index));
}

DataIndex read_index(const Hdf5File& file) {
  const std::int64_t format = read_integer_attribute(file, "medsweep_format");
  if (format < 1 || format > kDataFormat)
    throw std::runtime_error(fmt::format("[{}] layout {}; this program reads up to {}", file.path(),
                                         format, kDataFormat));
  DataIndex index;
  index.name = read_text_attribute(file, "name").at(0);
  index.digest = read_text_attribute(file, "digest").at(0);
  index.classes = read_text_attribute(file, "classes");
  index.channels = read_integer_attribute(file, "channels");
  read_tables(file, index);
  if (digest_over(index) != index.digest)
    throw std::runtime_error(
        fmt::format("[{}] its index does not have the recorded digest: damaged", file.path()));
  return index;
}

std::string array_path(const DataIndex& index, const StoredArray& array) {
  return fmt::format("/samples/{}/{}", index.samples[static_cast<std::size_t>(array.sample)].name,
                     array.name);
}

std::string digest_over(const DataIndex& index) {
  return sha256_hex(fmt::format("medsweep data 1\nclasses {}\nchannels {}\n{}\n",
                                fmt::join(index.classes, " "), index.channels,
                                fmt::join(index.sample_digests, "\n")));
}

}  // namespace medsweep::datasets
