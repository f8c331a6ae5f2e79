#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "datasets/hdf5_file.h"

namespace medsweep::datasets {
namespace {

std::size_t cell_bytes(const Table::Values& values) {
  const auto* texts = std::get_if<std::vector<std::string>>(&values);
  if (texts == nullptr) return 8;
  std::size_t width = 1;
  for (const std::string& text : *texts) width = std::max(width, text.size());
  return width;
}

Hdf5Handle cell_type(const Table::Values& values, std::size_t bytes) {
  if (std::holds_alternative<std::vector<std::int64_t>>(values))
    return {H5Tcopy(H5T_STD_I64LE), "table", "no integer type"};
  if (std::holds_alternative<std::vector<double>>(values))
    return {H5Tcopy(H5T_IEEE_F64LE), "table", "no real type"};
  Hdf5Handle type(H5Tcopy(H5T_C_S1), "table", "no text type");
  check_hdf5(H5Tset_size(type.get(), bytes), "table", "text size");
  check_hdf5(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), "table", "text padding");
  check_hdf5(H5Tset_cset(type.get(), H5T_CSET_UTF8), "table", "text encoding");
  return type;
}

/// Where each column lies in a packed row.
struct RowLayout {
  std::vector<std::size_t> offsets, widths;
  std::size_t bytes = 0;
  Hdf5Handle type;
};

RowLayout layout_of(const std::vector<Table::Column>& columns, std::vector<std::size_t> widths) {
  RowLayout layout;
  for (const std::size_t width : widths) {
    layout.offsets.push_back(layout.bytes);
    layout.bytes += width;
  }
  layout.widths = std::move(widths);
  layout.type = Hdf5Handle(H5Tcreate(H5T_COMPOUND, layout.bytes), "table", "no compound type");
  for (std::size_t i = 0; i < columns.size(); ++i)
    check_hdf5(H5Tinsert(layout.type.get(), columns[i].name.c_str(), layout.offsets[i],
                         cell_type(columns[i].values, layout.widths[i]).get()),
               "table", columns[i].name);
  return layout;
}

/// Writes a column into packed rows, `stride` bytes apart.
void pack(const Table::Values& values, char* cell, std::size_t stride) {
  std::visit(
      [&](const auto& column) {
        for (const auto& value : column) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>)
            std::memcpy(cell, value.data(), value.size());
          else
            std::memcpy(cell, &value, sizeof value);
          cell += stride;
        }
      },
      values);
}

/// Reads a column of cells `width` bytes wide out of packed rows.
void unpack(Table::Values& values, const char* cell, std::size_t stride, std::size_t width) {
  std::visit(
      [&](auto& column) {
        for (auto& value : column) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>)
            value.assign(cell, strnlen(cell, width));
          else
            std::memcpy(&value, cell, sizeof value);
          cell += stride;
        }
      },
      values);
}

Table::Values values_for(hid_t member, std::size_t rows) {
  const H5T_class_t kind = H5Tget_class(member);
  if (kind == H5T_STRING) return std::vector<std::string>(rows);
  if (kind == H5T_FLOAT) return std::vector<double>(rows);
  return std::vector<std::int64_t>(rows);
}

/// The columns that the file has, empty, and the width of each.
std::pair<std::vector<Table::Column>, std::vector<std::size_t>> columns_of(hid_t type,
                                                                           std::size_t rows) {
  std::pair<std::vector<Table::Column>, std::vector<std::size_t>> found;
  const std::int64_t count = check_hdf5(H5Tget_nmembers(type), "table", "not a table");
  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    const Hdf5Handle member(H5Tget_member_type(type, i), "table", "no member");
    char* name = H5Tget_member_name(type, i);
    found.first.push_back({name, values_for(member.get(), rows)});
    H5free_memory(name);
    const bool is_text = H5Tget_class(member.get()) == H5T_STRING;
    found.second.push_back(is_text ? H5Tget_size(member.get()) : 8);
  }
  return found;
}

template <typename Column>
const Column& column_as(const Table::Values& values, std::string_view name, const char* kind) {
  if (const auto* column = std::get_if<Column>(&values)) return *column;
  throw std::runtime_error(fmt::format("[table] column '{}' holds no {}", name, kind));
}

/// One compressed chunk with HDF5's checksum: a damaged index is an error, not other numbers.
Hdf5Handle table_properties(const Hdf5File& file, hsize_t rows) {
  Hdf5Handle properties = dataset_properties(file.path());
  const hsize_t chunk = std::max<hsize_t>(rows, 1);
  check_hdf5(H5Pset_chunk(properties.get(), 1, &chunk), file.path(), "chunks not set");
  check_hdf5(H5Pset_deflate(properties.get(), 6), file.path(), "deflate filter not set");
  check_hdf5(H5Pset_fletcher32(properties.get()), file.path(), "checksum filter not set");
  return properties;
}

}  // namespace

void Table::add(std::string name, Values values) {
  columns_.push_back({std::move(name), std::move(values)});
}

std::size_t Table::rows() const {
  if (columns_.empty()) return 0;
  return std::visit([](const auto& column) { return column.size(); }, columns_[0].values);
}

const Table::Values& Table::find_column(std::string_view name) const {
  for (const Column& column : columns_)
    if (column.name == name) return column.values;
  throw std::runtime_error(fmt::format("[table] no column '{}'; FORMAT.md has it", name));
}

const std::vector<std::int64_t>& Table::integers(std::string_view name) const {
  return column_as<std::vector<std::int64_t>>(find_column(name), name, "whole numbers");
}

const std::vector<double>& Table::reals(std::string_view name) const {
  return column_as<std::vector<double>>(find_column(name), name, "real numbers");
}

const std::vector<std::string>& Table::texts(std::string_view name) const {
  return column_as<std::vector<std::string>>(find_column(name), name, "texts");
}

void write_table(const Hdf5File& file, const std::string& name, const Table& table) {
  std::vector<std::size_t> widths;
  for (const Table::Column& column : table.columns()) widths.push_back(cell_bytes(column.values));
  const RowLayout layout = layout_of(table.columns(), std::move(widths));
  std::string bytes(layout.bytes * table.rows(), '\0');
  for (std::size_t i = 0; i < table.columns().size(); ++i)
    pack(table.columns()[i].values, bytes.data() + layout.offsets[i], layout.bytes);
  const hsize_t rows = table.rows();
  const Hdf5Handle space(H5Screate_simple(1, &rows, nullptr), file.path(), name);
  const Hdf5Handle data(H5Dcreate2(file.id(), name.c_str(), layout.type.get(), space.get(),
                                   H5P_DEFAULT, table_properties(file, rows).get(), H5P_DEFAULT),
                        file.path(), name);
  check_hdf5(H5Dwrite(data.get(), layout.type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()),
             file.path(), name);
}

Table read_table(const Hdf5File& file, const std::string& name) {
  const Hdf5Handle data(H5Dopen2(file.id(), name.c_str(), H5P_DEFAULT), file.path(), name);
  const Hdf5Handle space(H5Dget_space(data.get()), file.path(), name);
  const Hdf5Handle type(H5Dget_type(data.get()), file.path(), name);
  const auto rows = static_cast<std::size_t>(
      check_hdf5(H5Sget_simple_extent_npoints(space.get()), file.path(), name));
  auto [columns, widths] = columns_of(type.get(), rows);
  const RowLayout layout = layout_of(columns, std::move(widths));
  std::string bytes(layout.bytes * rows, '\0');
  check_hdf5(H5Dread(data.get(), layout.type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()),
             file.path(), name);
  Table table;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    unpack(columns[i].values, bytes.data() + layout.offsets[i], layout.bytes, layout.widths[i]);
    table.add(columns[i].name, std::move(columns[i].values));
  }
  return table;
}

}  // namespace medsweep::datasets
