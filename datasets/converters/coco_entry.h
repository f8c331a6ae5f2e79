#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "datasets/converters/coco_annotations.h"
#include "datasets/converters/run_lengths.h"

namespace medsweep::datasets {

/// An entry of "annotations" by itself, before images and categories are known.
struct CocoEntry {
  std::string where;  ///< of error texts: "FILE: annotation 7"
  CocoObject object;
  std::int64_t image_id = 0, category_id = 0;
  std::optional<std::array<double, 4>> box{};  ///< x, y, width, height
  std::optional<RunLengths> uncompressed{};
  std::int64_t height = 0, width = 0;  ///< of run lengths
};

/// Throws std::invalid_argument "[where] ..." for an entry that is not as COCO has it.
CocoEntry read_coco_entry(const nlohmann::json& entry, std::string where);

/// A member of an entry. Throw std::invalid_argument where it is missing or of another kind.
std::int64_t coco_integer(const nlohmann::json& entry, const char* key, std::string_view where);
std::string coco_text(const nlohmann::json& entry, const char* key, std::string_view where);

/// Throws std::invalid_argument "[where] what".
[[noreturn]] void refuse_coco(std::string_view where, std::string_view what);

}  // namespace medsweep::datasets
