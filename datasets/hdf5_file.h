#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace medsweep::datasets {

/// Held around every call of the HDF5 library: it has one global state and the system's build need
/// not be thread-safe. Whoever owns a handle below takes it, handles do not.
std::recursive_mutex& hdf5_mutex();

/// Returns `result`; throws std::runtime_error "[where] what: HDF5's own innermost message" when it
/// is negative. For every call of the HDF5 library.
std::int64_t check_hdf5(std::int64_t result, std::string_view where, std::string_view what);

/// An HDF5 identifier of any kind, released with its last owner.
class Hdf5Handle {
 public:
  Hdf5Handle() = default;
  /// Checks `id` as check_hdf5 does, then owns it.
  Hdf5Handle(hid_t id, std::string_view where, std::string_view what);
  ~Hdf5Handle();
  Hdf5Handle(Hdf5Handle&& other) noexcept;
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept;
  hid_t get() const { return id_; }

 private:
  hid_t id_ = -1;
};

enum class Hdf5Mode { kRead, kCreate };

/// An open HDF5 file. kRead: read-only, without file locks. kCreate: truncates; nothing of the time
/// or the machine goes into the file.
class Hdf5File {
 public:
  Hdf5File(const std::filesystem::path& path, Hdf5Mode mode);
  hid_t id() const { return handle_.get(); }
  const std::string& path() const { return path_; }

  /// Creates the group and those above it that are missing. Throws std::runtime_error.
  Hdf5Handle create_group(const std::string& name) const;
  bool has(const std::string& name) const;     ///< an absolute name, "/index/samples"
  bool has_attribute(const char* name) const;  ///< of the root

 private:
  std::string path_;
  Hdf5Handle handle_;
};

/// A data set's creation properties without times.
Hdf5Handle dataset_properties(std::string_view where);

/// Attributes of a group or file. Reading throws std::runtime_error where it is missing or of
/// another kind.
void write_attribute(hid_t object, const char* name, const std::string& text);
void write_attribute(hid_t object, const char* name, std::int64_t number);
void write_attribute(hid_t object, const char* name, const std::vector<double>& numbers);
void write_attribute(hid_t object, const char* name, const std::vector<std::int64_t>& numbers);
void write_attribute(hid_t object, const char* name, const std::vector<std::string>& texts);
std::vector<std::string> read_text_attribute(const Hdf5File& file, const char* name);
/// At least one number.
std::vector<std::int64_t> read_integers_attribute(const Hdf5File& file, const char* name);

/// A table: named columns of one length, stored as one data set of a compound type, so that one
/// read fetches it. Integers are int64, reals float64, texts fixed-length UTF-8.
class Table {
 public:
  using Values =
      std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;
  struct Column {
    std::string name;
    Values values;
  };

  void add(std::string name, Values values);
  std::size_t rows() const;
  const std::vector<Column>& columns() const { return columns_; }
  /// Throw std::runtime_error for a column that is missing or of another kind.
  const std::vector<std::int64_t>& integers(std::string_view name) const;
  const std::vector<double>& reals(std::string_view name) const;
  const std::vector<std::string>& texts(std::string_view name) const;

 private:
  const Values& find_column(std::string_view name) const;
  std::vector<Column> columns_;
};

void write_table(const Hdf5File& file, const std::string& name, const Table& table);
Table read_table(const Hdf5File& file, const std::string& name);

}  // namespace medsweep::datasets
