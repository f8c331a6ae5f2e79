#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "datasets/hdf5_file.h"

namespace medsweep::datasets {
namespace {

Hdf5Handle fixed_text(std::size_t bytes) {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), "attribute", "no text type");
  check_hdf5(H5Tset_size(type.get(), std::max<std::size_t>(bytes, 1)), "attribute", "text size");
  check_hdf5(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), "attribute", "text padding");
  check_hdf5(H5Tset_cset(type.get(), H5T_CSET_UTF8), "attribute", "text encoding");
  return type;
}

void write_values(hid_t object, const char* name, hid_t stored, hid_t given, hid_t space,
                  const void* values) {
  const Hdf5Handle attribute(H5Acreate2(object, name, stored, space, H5P_DEFAULT, H5P_DEFAULT),
                             name, "no attribute");
  check_hdf5(H5Awrite(attribute.get(), given, values), name, "attribute cannot be written");
}

Hdf5Handle scalar() { return {H5Screate(H5S_SCALAR), "attribute", "no space"}; }

Hdf5Handle row_of(std::size_t count) {
  const hsize_t size = count;
  return {H5Screate_simple(1, &size, nullptr), "attribute", "no space"};
}

std::vector<std::string> cut(const std::string& bytes, std::size_t width) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    std::string text = bytes.substr(at, width);
    texts.push_back(text.substr(0, text.find('\0')));
  }
  return texts;
}

Hdf5Handle open_attribute(const Hdf5File& file, const char* name) {
  return {H5Aopen(file.id(), name, H5P_DEFAULT), file.path(),
          fmt::format("no attribute '{}': not a data file of `runner prepare`", name)};
}

}  // namespace

void write_attribute(hid_t object, const char* name, const std::string& text) {
  std::string bytes = text;
  if (bytes.empty()) bytes.push_back('\0');
  const Hdf5Handle type = fixed_text(bytes.size());
  write_values(object, name, type.get(), type.get(), scalar().get(), bytes.data());
}

void write_attribute(hid_t object, const char* name, std::int64_t number) {
  write_values(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, scalar().get(), &number);
}

void write_attribute(hid_t object, const char* name, const std::vector<double>& numbers) {
  write_values(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, row_of(numbers.size()).get(),
               numbers.data());
}

void write_attribute(hid_t object, const char* name, const std::vector<std::int64_t>& numbers) {
  write_values(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, row_of(numbers.size()).get(),
               numbers.data());
}

void write_attribute(hid_t object, const char* name, const std::vector<std::string>& texts) {
  std::size_t width = 1;
  for (const std::string& text : texts) width = std::max(width, text.size());
  std::string bytes;
  for (std::string text : texts) bytes += (text.resize(width, '\0'), text);
  const Hdf5Handle type = fixed_text(width);
  write_values(object, name, type.get(), type.get(), row_of(texts.size()).get(), bytes.data());
}

std::vector<std::string> read_text_attribute(const Hdf5File& file, const char* name) {
  const Hdf5Handle attribute = open_attribute(file, name);
  const Hdf5Handle type(H5Aget_type(attribute.get()), file.path(), name);
  const Hdf5Handle space(H5Aget_space(attribute.get()), file.path(), name);
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) > 0)
    throw std::runtime_error(fmt::format(
        "[{}] attribute '{}' is not a fixed-length text; FORMAT.md says so", file.path(), name));
  const std::size_t width = H5Tget_size(type.get());
  const std::int64_t count =
      check_hdf5(H5Sget_simple_extent_npoints(space.get()), file.path(), name);
  std::string bytes(width * static_cast<std::size_t>(count), '\0');
  check_hdf5(H5Aread(attribute.get(), type.get(), bytes.data()), file.path(), name);
  return cut(bytes, width);
}

std::vector<std::int64_t> read_integers_attribute(const Hdf5File& file, const char* name) {
  const Hdf5Handle attribute = open_attribute(file, name);
  const Hdf5Handle space(H5Aget_space(attribute.get()), file.path(), name);
  const std::int64_t count =
      check_hdf5(H5Sget_simple_extent_npoints(space.get()), file.path(), name);
  if (count < 1)
    throw std::runtime_error(fmt::format("[{}] attribute '{}' holds no number", file.path(), name));
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  check_hdf5(H5Aread(attribute.get(), H5T_NATIVE_INT64, numbers.data()), file.path(), name);
  return numbers;
}

}  // namespace medsweep::datasets
