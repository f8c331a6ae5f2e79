#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace medsweep::runner {

class MappedFile;

/// name -> tensor, as a state_dict.
using Tensors = std::map<std::string, torch::Tensor>;

/// Free text that travels in the file's `__metadata__`.
using TensorMetadata = std::map<std::string, std::string>;

/// Writes a safetensors file: u64 length of the header, the header (JSON, padded to 8 bytes), the
/// tensors row-major without holes, wide types first so that each is aligned.
/// https://huggingface.co/docs/safetensors; Python's `safetensors` loads it strictly.
///
/// Types: F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL. Any strides and any device; they are not kept.
/// The file is flushed to the disk and its SHA-256 returned (64 hexadecimal digits). A failed
/// write removes it. Not atomic: write into a folder that is renamed afterwards.
/// Throws std::runtime_error that names the file, std::invalid_argument for another type.
std::string write_safetensors(const std::filesystem::path& path, const Tensors& tensors,
                              const TensorMetadata& metadata = {});

/// Copies the values of `from` into the tensors of `to`, whose strides, types and devices stay.
/// Throws std::invalid_argument "[where] ..." that names the first missing, foreign or misshapen
/// tensor; nothing is copied then.
void copy_tensors(std::string_view where, const Tensors& from, const Tensors& to);

/// A safetensors file, mapped. The tensors share its pages (copy on write) and keep it mapped.
///
/// The whole header is checked first: a truncated file, a header too long, overlapping tensors,
/// holes, or a shape that does not fit its bytes throw std::runtime_error that names the file.
class SafeTensors {
 public:
  explicit SafeTensors(const std::filesystem::path& path);

  std::vector<std::string> names() const;
  bool contains(std::string_view name) const;
  /// Throws std::runtime_error that names file and tensor when there is none.
  torch::Tensor tensor(std::string_view name) const;
  Tensors all() const;
  const TensorMetadata& metadata() const { return metadata_; }
  /// SHA-256 of the file, 64 hexadecimal digits.
  std::string digest() const;

 private:
  struct Range {
    c10::ScalarType type;
    std::vector<std::int64_t> shape;
    std::size_t begin, end;  ///< bytes within the data
  };

  void read_header();
  [[noreturn]] void fail(const std::string& what) const;

  std::filesystem::path path_;
  std::shared_ptr<MappedFile> mapping_;
  std::size_t data_begin_ = 0;
  std::map<std::string, Range, std::less<>> ranges_;
  TensorMetadata metadata_;
};

}  // namespace medsweep::runner
