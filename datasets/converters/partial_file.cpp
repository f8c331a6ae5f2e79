#include "datasets/converters/partial_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "base/digest.h"

namespace medsweep::datasets {
namespace {

static_assert(std::endian::native == std::endian::little);

/// In front of each record: what follows, and its checksum.
struct RecordHead {
  std::uint32_t magic = 0x3153494d;  // "MIS1"
  std::uint32_t checksum = 0;        // of key and body
  std::uint64_t key_bytes = 0, body_bytes = 0;
};

/// Writes and reads the same fields in the same order: `io(x)` either appends x or fills it.
class PartWriter {
 public:
  template <typename Value>
  void operator()(const Value& value) {
    if constexpr (std::is_trivially_copyable_v<Value>) {
      bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    } else {
      (*this)(static_cast<std::uint64_t>(value.size()));
      if constexpr (std::is_trivially_copyable_v<typename Value::value_type>)
        bytes_.append(reinterpret_cast<const char*>(value.data()),
                      value.size() * sizeof(typename Value::value_type));
      else
        for (const auto& element : value) fields(*this, element);
    }
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class PartReader {
 public:
  explicit PartReader(std::string_view bytes) : bytes_(bytes) {}
  template <typename Value>
  void operator()(Value& value) {
    if constexpr (std::is_trivially_copyable_v<Value>) {
      std::memcpy(&value, take(sizeof(value)), sizeof(value));
    } else {
      std::uint64_t count = 0;
      (*this)(count);
      using Element = typename Value::value_type;
      if (count > bytes_.size()) throw std::runtime_error("a record that ends early");
      value.resize(count);
      if constexpr (std::is_trivially_copyable_v<Element>)
        std::memcpy(value.data(), take(count * sizeof(Element)), count * sizeof(Element));
      else
        for (Element& element : value) fields(*this, element);
    }
  }

 private:
  const char* take(std::size_t count) {
    if (count > bytes_.size()) throw std::runtime_error("a record that ends early");
    const char* start = bytes_.data();
    bytes_.remove_prefix(count);
    return start;
  }
  std::string_view bytes_;
};

template <typename Io, typename Sample>
void sample_fields(Io& io, Sample& sample) {
  for (auto* text : {&sample.id.name, &sample.id.case_name, &sample.id.patient, &sample.id.group,
                     &sample.id.source, &sample.digest})
    io(*text);
  io(sample.id.slice), io(sample.id.spacing), io(sample.id.affine), io(sample.id.fold);
  io(sample.size), io(sample.foreground), io(sample.instances), io(sample.arrays);
}

template <typename Io, typename Array>
void array_fields(Io& io, Array& array) {
  io(array.stored.name), io(array.stored.type), io(array.stored.shape), io(array.stored.chunk);
  io(array.stored.shuffle), io(array.stored.compression), io(array.chunks);
}

void fields(PartWriter& io, const EncodedSample& sample) { sample_fields(io, sample); }
void fields(PartReader& io, EncodedSample& sample) { sample_fields(io, sample); }
void fields(PartWriter& io, const EncodedSample::Array& array) { array_fields(io, array); }
void fields(PartReader& io, EncodedSample::Array& array) { array_fields(io, array); }
void fields(PartWriter& io, const std::vector<std::uint8_t>& bytes) { io(bytes); }
void fields(PartReader& io, std::vector<std::uint8_t>& bytes) { io(bytes); }

/// False where the file ends before.
bool read_all(int file, std::int64_t offset, char* bytes, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = pread(file, bytes + done, size - done,
                                static_cast<off_t>(offset) + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

void write_all(int file, std::int64_t offset, std::string_view bytes, const std::string& where) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = pwrite(file, bytes.data() + done, bytes.size() - done,
                                 static_cast<off_t>(offset) + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    done += static_cast<std::size_t>(check_errno(count, where, "cannot be written"));
  }
}

}  // namespace

PartialFile::PartialFile(const std::filesystem::path& folder) : path_(folder / "items") {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw std::runtime_error(
        fmt::format("[{}] cannot be created: {}", folder.string(), error.message()));
  file_ = FileDescriptor(
      static_cast<int>(check_errno(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666),
                                   path_.string(), "cannot be opened")));
  if (flock(file_.get(), LOCK_EX | LOCK_NB) != 0)
    throw std::runtime_error(
        fmt::format("[{}] another conversion is writing this output", folder.string()));
  scan();
}

void PartialFile::scan() {
  struct stat status {};
  check_errno(fstat(file_.get(), &status), path_.string(), "no size");
  for (RecordHead head;
       read_all(file_.get(), end_, reinterpret_cast<char*>(&head), sizeof(head));) {
    const auto left = static_cast<std::uint64_t>(status.st_size - end_) - sizeof(head);
    if (head.magic != RecordHead().magic || head.key_bytes > left ||
        head.body_bytes > left - head.key_bytes)
      break;
    std::string bytes(head.key_bytes + head.body_bytes, '\0');
    const std::int64_t body = end_ + static_cast<std::int64_t>(sizeof(head));
    if (!read_all(file_.get(), body, bytes.data(), bytes.size()) || crc32(bytes) != head.checksum)
      break;
    places_[bytes.substr(0, head.key_bytes)] = {body + static_cast<std::int64_t>(head.key_bytes),
                                                static_cast<std::int64_t>(head.body_bytes)};
    end_ = body + static_cast<std::int64_t>(bytes.size());
  }
  check_errno(ftruncate(file_.get(), end_), path_.string(), "cannot be shortened");
}

bool PartialFile::has(const std::string& key) const {
  const std::scoped_lock lock(mutex_);
  return places_.contains(key);
}

void PartialFile::append(const std::string& key, const std::vector<EncodedSample>& samples) {
  PartWriter writer;
  writer(samples);
  std::string bytes = key + writer.take();
  const RecordHead head{
      .checksum = crc32(bytes), .key_bytes = key.size(), .body_bytes = bytes.size() - key.size()};
  const std::scoped_lock lock(mutex_);
  const std::int64_t body = end_ + static_cast<std::int64_t>(sizeof(head));
  write_all(file_.get(), end_, {reinterpret_cast<const char*>(&head), sizeof(head)},
            path_.string());
  write_all(file_.get(), body, bytes, path_.string());
  places_[key] = {body + static_cast<std::int64_t>(key.size()),
                  static_cast<std::int64_t>(head.body_bytes)};
  end_ = body + static_cast<std::int64_t>(bytes.size());
}

std::vector<EncodedSample> PartialFile::read(const std::string& key) const {
  const std::scoped_lock lock(mutex_);
  const Place place = places_.at(key);
  std::string bytes(static_cast<std::size_t>(place.bytes), '\0');
  if (!read_all(file_.get(), place.offset, bytes.data(), bytes.size()))
    throw std::runtime_error(fmt::format("[{}] ends early", path_.string()));
  std::vector<EncodedSample> samples;
  PartReader reader(bytes);
  reader(samples);
  return samples;
}

}  // namespace medsweep::datasets
