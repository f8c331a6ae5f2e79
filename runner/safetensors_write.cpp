#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "base/digest.h"
#include "base/files.h"
#include "runner/safetensors.h"
#include "runner/safetensors_header.h"
#include "runner/safetensors_types.h"

namespace medsweep::runner {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;  // digested while still in the cache

std::string_view safetensors_type(const std::filesystem::path& path, const std::string& name,
                                  c10::ScalarType type) {
  for (const auto& row : kTensorTypes)
    if (row.type == type) return row.name;
  throw std::invalid_argument(
      fmt::format("[{}] tensor '{}' is {}; F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL are allowed",
                  path.string(), name, c10::toString(type)));
}

/// Bytes to a file and into its digest.
class DigestedFile {
 public:
  explicit DigestedFile(const std::filesystem::path& path)
      : path_(path.string()),
        file_(static_cast<int>(
            check_errno(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), path_,
                        "cannot be created"))) {}

  void write(const void* bytes, std::size_t size) {
    const char* next = static_cast<const char*>(bytes);
    while (size > 0) {
      const std::size_t piece = std::min(size, kPiece);
      digest_.update(next, piece);
      write_piece(next, piece);
      next += piece;
      size -= piece;
    }
  }

  std::string finish() {
    check_errno(fsync(file_.get()), path_, "fsync failed");
    return digest_.hex();
  }

 private:
  void write_piece(const char* bytes, std::size_t size) {
    while (size > 0) {
      const auto written = static_cast<std::size_t>(
          check_errno(::write(file_.get(), bytes, size), path_, "write failed"));
      bytes += written;
      size -= written;
    }
  }

  std::string path_;
  FileDescriptor file_;
  Sha256 digest_;
};

using NamedTensor = std::pair<std::string, torch::Tensor>;

/// Wide types first: each tensor then begins at a multiple of its element's size.
std::vector<NamedTensor> in_file_order(const Tensors& tensors) {
  std::vector<NamedTensor> ordered(tensors.begin(), tensors.end());
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.second.element_size() > b.second.element_size();
  });
  return ordered;
}

std::string make_header(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                        const TensorMetadata& metadata) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    if (name == "__metadata__")
      throw std::invalid_argument(fmt::format(
          "[{}] a tensor is called '__metadata__'; any other name is allowed", path.string()));
    const std::size_t end = offset + tensor.nbytes();
    header[name] = {{"dtype", safetensors_type(path, name, tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kHeaderLengthBytes - 1) / kHeaderLengthBytes * kHeaderLengthBytes,
              ' ');
  return text;
}

}  // namespace

std::string write_safetensors(const std::filesystem::path& path, const Tensors& tensors,
                              const TensorMetadata& metadata) {
  const std::vector<NamedTensor> ordered = in_file_order(tensors);
  const std::string header = make_header(path, ordered, metadata);
  try {
    DigestedFile file(path);
    const std::uint64_t length = header.size();
    file.write(&length, sizeof(length));
    file.write(header.data(), header.size());
    for (const auto& [name, tensor] : ordered) {
      const torch::Tensor rows = tensor.detach().cpu().contiguous();
      file.write(rows.const_data_ptr(), rows.nbytes());
    }
    return file.finish();
  } catch (...) {
    unlink(path.c_str());
    throw;
  }
}

}  // namespace medsweep::runner
