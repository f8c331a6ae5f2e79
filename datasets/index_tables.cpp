#include "datasets/index_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "base/digest.h"

namespace medsweep::datasets {
namespace {

constexpr std::size_t kMaximumAxes = 4;
constexpr std::int64_t kLargestSide = std::int64_t{1} << 31, kLargestBytes = std::int64_t{1} << 42;
constexpr std::array<const char*, 3> kSpacingColumns{"spacing_depth", "spacing_height",
                                                     "spacing_width"};
using Integers = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

/// Column `prefix`_0 ..., NaN where a sample has none.
void add_reals(Table& table, const std::vector<std::string>& columns,
               const std::vector<const std::vector<double>*>& rows) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::vector<double> values;
    for (const std::vector<double>* row : rows)
      values.push_back(row->empty() ? std::numeric_limits<double>::quiet_NaN() : row->at(i));
    table.add(columns[i], values);
  }
}

std::vector<std::string> affine_columns() {
  std::vector<std::string> columns;
  for (int i = 0; i < 12; ++i) columns.push_back(fmt::format("affine_{}", i));
  return columns;
}

template <typename Value, typename Member>
std::vector<Value> column_of(const std::vector<SampleId>& samples, Member member) {
  std::vector<Value> values;
  values.reserve(samples.size());
  for (const SampleId& id : samples) values.push_back(id.*member);
  return values;
}

std::vector<const std::vector<double>*> rows_with(const DataIndex& index,
                                                  std::vector<double> SampleId::*member) {
  std::vector<const std::vector<double>*> rows;
  for (const SampleId& id : index.samples) rows.push_back(&(id.*member));
  return rows;
}

Table samples_table(const DataIndex& index) {
  Table table;
  table.add("name", column_of<std::string>(index.samples, &SampleId::name));
  table.add("case", column_of<std::string>(index.samples, &SampleId::case_name));
  table.add("patient", column_of<std::string>(index.samples, &SampleId::patient));
  table.add("group", column_of<std::string>(index.samples, &SampleId::group));
  table.add("source", column_of<std::string>(index.samples, &SampleId::source));
  table.add("slice", column_of<std::int64_t>(index.samples, &SampleId::slice));
  table.add("fold", column_of<std::int64_t>(index.samples, &SampleId::fold));
  Integers depths, heights, widths;
  for (const Extent& size : index.sizes) {
    depths.push_back(size.depth);
    heights.push_back(size.height);
    widths.push_back(size.width);
  }
  table.add("depth", depths);
  table.add("height", heights);
  table.add("width", widths);
  table.add("foreground", index.foreground);
  table.add("instances", index.instances);
  add_reals(table, {kSpacingColumns.begin(), kSpacingColumns.end()},
            rows_with(index, &SampleId::spacing));
  add_reals(table, affine_columns(), rows_with(index, &SampleId::affine));
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
    compressions.push_back(compression_name(array.compression));
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

/// Row `row` of several columns of reals; empty where the first is NaN.
class RealColumns {
 public:
  RealColumns(const Table& table, const std::vector<std::string>& names) {
    for (const std::string& name : names) columns_.push_back(&table.reals(name));
  }
  std::vector<double> at(std::size_t row) const {
    std::vector<double> values;
    if (std::isnan((*columns_[0])[row])) return values;
    for (const auto* column : columns_) values.push_back((*column)[row]);
    return values;
  }

 private:
  std::vector<const std::vector<double>*> columns_;
};

void read_samples(const Table& table, DataIndex& index) {
  const Texts &names = table.texts("name"), &cases = table.texts("case"),
              &patients = table.texts("patient"), &groups = table.texts("group"),
              &sources = table.texts("source");
  const Integers &slices = table.integers("slice"), &folds = table.integers("fold"),
                 &depths = table.integers("depth"), &heights = table.integers("height"),
                 &widths = table.integers("width");
  const RealColumns spacing(table, {kSpacingColumns.begin(), kSpacingColumns.end()}),
      affine(table, affine_columns());
  index.sample_digests = table.texts("digest");
  index.foreground = table.integers("foreground");
  index.instances = table.integers("instances");
  index.samples.reserve(table.rows());
  for (std::size_t i = 0; i < table.rows(); ++i) {
    index.samples.push_back({.index = static_cast<std::int64_t>(i),
                             .name = names[i],
                             .case_name = cases[i],
                             .patient = patients[i],
                             .group = groups[i],
                             .source = sources[i],
                             .slice = slices[i],
                             .spacing = spacing.at(i),
                             .affine = affine.at(i),
                             .fold = folds[i]});
    index.sizes.push_back({heights[i], widths[i], depths[i]});
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

/// That the chunks are as many as the shapes need. Throws std::out_of_range.
void check_grid(const StoredArray& array) {
  const std::size_t element = c10::elementSize(type_called(array.type));
  if (array.shape.empty() || array.shape.size() != array.chunk.size())
    throw std::out_of_range("an array without axes");
  std::int64_t chunks = 1, elements = static_cast<std::int64_t>(element);
  for (std::size_t axis = 0; axis < array.shape.size(); ++axis) {
    if (array.shape[axis] > kLargestSide || array.chunk[axis] > kLargestSide ||
        elements > kLargestBytes / array.shape[axis])
      throw std::out_of_range("an array larger than any data set");
    elements *= array.shape[axis];
    chunks *= (array.shape[axis] + array.chunk[axis] - 1) / array.chunk[axis];
  }
  if (chunks != std::ssize(array.chunks)) throw std::out_of_range("chunks that are not its own");
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
    index.arrays.push_back({.sample = samples[row],
                            .name = names[row],
                            .type = types[row],
                            .shape = shapes.at(row),
                            .chunk = chunk_shapes.at(row),
                            .shuffle = shuffles[row] != 0 ? Shuffle::kYes : Shuffle::kNo,
                            .compression = compression_called(compressions[row]),
                            .chunks = chunks_between(all, first_chunks[row], counts[row])});
  for (const StoredArray& array : index.arrays) check_grid(array);
}

}  // namespace

void write_index_tables(const Hdf5File& file, const DataIndex& index) {
  write_table(file, "/index/samples", samples_table(index));
  write_table(file, "/index/arrays", arrays_table(index));
  write_table(file, "/index/chunks", chunks_table(index));
}

void read_index_tables(const Hdf5File& file, DataIndex& index) try {
  read_samples(read_table(file, "/index/samples"), index);
  read_arrays(read_table(file, "/index/arrays"), all_chunks(read_table(file, "/index/chunks")),
              index);
} catch (const std::out_of_range& error) {
  throw std::runtime_error(
      fmt::format("[{}] its index does not fit together: {}", file.path(), error.what()));
}

}  // namespace medsweep::datasets
