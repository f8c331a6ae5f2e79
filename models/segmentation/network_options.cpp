#include "models/segmentation/network_options.h"

#include <fmt/format.h>

#include <stdexcept>

namespace medsweep::models {

Upsampling upsampling_of(std::string_view name) {
  if (name == "nearest") return Upsampling::kNearest;
  if (name == "transposed") return Upsampling::kTransposed;
  throw std::invalid_argument(
      fmt::format("[upsampling] '{}'; nearest, transposed are allowed", name));
}

HybridStage hybrid_stage_of(std::string_view name) {
  if (name == "all") return HybridStage::kAll;
  if (name == "2d") return HybridStage::kPlanar;
  if (name == "3d") return HybridStage::kSpatial;
  throw std::invalid_argument(fmt::format("[stage] '{}'; all, 2d, 3d are allowed", name));
}

}  // namespace medsweep::models
