#include "datasets/hdf5_file.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace medsweep::datasets {
namespace {

herr_t keep_innermost(unsigned, const H5E_error2_t* error, void* text) {
  // Walked from the innermost call outwards: the first message is the cause.
  auto& message = *static_cast<std::string*>(text);
  if (message.empty() && error->desc != nullptr) message = error->desc;
  return 0;
}

std::string last_hdf5_error() {
  std::string message;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_innermost, &message);
  std::string innermost;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &innermost);
  if (innermost.empty() || innermost == message) return message;
  return fmt::format("{} ({})", message, innermost);
}

/// The library prints its error stack to stderr unless told not to, once a thread; and at the
/// process's end it flushes files again that a full disk would not let it close, and crashes.
void tame_hdf5() {
  static const herr_t without_exit_handler = H5dont_atexit();
  static_cast<void>(without_exit_handler);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hdf5Handle access_properties(const std::string& path) {
  Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), path, "no file access properties");
  check_hdf5(H5Pset_file_locking(access.get(), false, true), path, "locking not switched off");
  check_hdf5(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110), path,
             "format version not set");
  check_hdf5(H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG), path, "close degree not set");
  return access;
}

hid_t open_file(const std::string& path, Hdf5Mode mode) {
  tame_hdf5();
  const Hdf5Handle access = access_properties(path);
  if (mode == Hdf5Mode::kRead) return H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get());
  const Hdf5Handle creation(H5Pcreate(H5P_FILE_CREATE), path, "no file creation properties");
  check_hdf5(H5Pset_obj_track_times(creation.get(), false), path, "times not switched off");
  return H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get());
}

}  // namespace

std::recursive_mutex& hdf5_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

std::int64_t check_hdf5(std::int64_t result, std::string_view where, std::string_view what) {
  if (result < 0)
    throw std::runtime_error(fmt::format("[{}] {}: {}", where, what, last_hdf5_error()));
  return result;
}

Hdf5Handle::Hdf5Handle(hid_t id, std::string_view where, std::string_view what)
    : id_(check_hdf5(id, where, what)) {}

Hdf5Handle::~Hdf5Handle() {
  if (id_ >= 0) H5Idec_ref(id_);
}

Hdf5Handle::Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}

Hdf5Handle& Hdf5Handle::operator=(Hdf5Handle&& other) noexcept {
  std::swap(id_, other.id_);
  return *this;
}

Hdf5File::Hdf5File(const std::filesystem::path& path, Hdf5Mode mode)
    : path_(path.string()),
      handle_(open_file(path_, mode), path_,
              mode == Hdf5Mode::kRead ? "cannot be opened as HDF5" : "cannot be created") {}

Hdf5Handle Hdf5File::create_group(const std::string& name) const {
  const std::string what = fmt::format("group {} cannot be created", name);
  const Hdf5Handle properties(H5Pcreate(H5P_GROUP_CREATE), path_, what);
  check_hdf5(H5Pset_obj_track_times(properties.get(), false), path_, what);
  for (std::size_t end = 0; (end = name.find('/', end + 1)) != std::string::npos;) {
    const std::string above = name.substr(0, end);
    if (!has(above))
      Hdf5Handle(H5Gcreate2(id(), above.c_str(), H5P_DEFAULT, properties.get(), H5P_DEFAULT), path_,
                 what);
  }
  return {H5Gcreate2(id(), name.c_str(), H5P_DEFAULT, properties.get(), H5P_DEFAULT), path_, what};
}

bool Hdf5File::has(const std::string& name) const {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = name.find('/', end + 1);
    if (H5Lexists(id(), name.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return true;
}

bool Hdf5File::has_attribute(const char* name) const { return H5Aexists(id(), name) > 0; }

Hdf5Handle dataset_properties(std::string_view where) {
  Hdf5Handle properties(H5Pcreate(H5P_DATASET_CREATE), where, "no data set properties");
  check_hdf5(H5Pset_obj_track_times(properties.get(), false), where, "times not switched off");
  return properties;
}

}  // namespace medsweep::datasets
