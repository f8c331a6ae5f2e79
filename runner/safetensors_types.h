#pragma once

#include <c10/core/ScalarType.h>

#include <array>
#include <bit>
#include <string_view>

namespace medsweep::runner {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

/// A type as the format calls it.
struct TensorType {
  std::string_view name;
  c10::ScalarType type;
};

inline constexpr std::array kTensorTypes{
    TensorType{"F64", c10::ScalarType::Double}, TensorType{"F32", c10::ScalarType::Float},
    TensorType{"F16", c10::ScalarType::Half},   TensorType{"BF16", c10::ScalarType::BFloat16},
    TensorType{"I64", c10::ScalarType::Long},   TensorType{"I32", c10::ScalarType::Int},
    TensorType{"I16", c10::ScalarType::Short},  TensorType{"I8", c10::ScalarType::Char},
    TensorType{"U8", c10::ScalarType::Byte},    TensorType{"BOOL", c10::ScalarType::Bool},
};

}  // namespace medsweep::runner
