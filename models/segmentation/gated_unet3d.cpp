#include "models/segmentation/gated_unet3d.h"

#include <fmt/format.h>

#include <stdexcept>

namespace medsweep::models {
namespace {

/// With gates, whose normalisation is the network's.
NetworkOptions with_gates(NetworkOptions options) {
  check_attention_fits(options, GatedUNet3d::shape(options));
  const bool batch = options.layer_order.find('b') != std::string::npos;
  options.attention_places.clear();
  options.attention = {.name = "attention_gate",
                       .options = {.reduction = 2,
                                   .normalization = batch ? "batch" : "instance",
                                   .batch_statistics = options.batch_statistics}};
  for (std::int64_t level = 1; level < std::ssize(UNet3d::shape(options).skip); ++level)
    options.attention_places.push_back(fmt::format("skip{}", level));
  return options;
}

}  // namespace

NetworkShape GatedUNet3d::shape(const NetworkOptions& options) {
  NetworkShape shape = UNet3d::shape(options);
  if (shape.skip.size() < 2)
    throw std::invalid_argument(fmt::format(
        "[model.attention_unet3d] {} widths; at least 3 are allowed", shape.encoder.size()));
  shape.encoder.clear();  // no place for attention
  shape.skip.clear();
  shape.decoder.clear();
  return shape;
}

GatedUNet3d::GatedUNet3d(const NetworkOptions& options) : UNet3d(with_gates(options)) {}

}  // namespace medsweep::models
