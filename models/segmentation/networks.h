#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// The network that is a file of PyTorch's.
inline constexpr std::string_view kTorchScript = "torchscript";

/// Throws std::invalid_argument for an unknown name (with the nearest known one) or bad options.
std::shared_ptr<SegmentationNetwork> make_network(std::string_view name,
                                                  const NetworkOptions& options);

/// The network's shape, without making it. Throws as make_network.
NetworkShape network_shape(std::string_view name, const NetworkOptions& options);

/// Whether outputs() of the network has features. Throws std::invalid_argument for an unknown name.
bool gives_features(std::string_view name);

/// The backbone of a network that is told none; empty for one that has none.
std::string_view default_backbone(std::string_view name);

/// Whether a network may be told its backbone.
bool takes_backbone(std::string_view name);

/// The networks, as rows of the kind "model".
std::vector<Row> network_rows();

/// 2: takes images, 3: takes volumes. Throws as make_network for an unknown name.
std::int64_t network_dimensions(std::string_view name);

}  // namespace medsweep::models
