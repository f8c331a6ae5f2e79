#include "models/segmentation/network_shape.h"

namespace medsweep::models {

std::vector<std::int64_t> doubled_widths(std::int64_t width, std::int64_t count) {
  std::vector<std::int64_t> widths;
  for (std::int64_t level = 0; level < count; ++level) widths.push_back(width << level);
  return widths;
}

NetworkShape halving_shape(const NetworkOptions& options) {
  NetworkShape shape;
  shape.size_multiple = std::int64_t{1} << (options.depth - 1);
  shape.smallest_side = shape.size_multiple;
  shape.encoder = doubled_widths(options.width, options.depth);
  shape.skip = shape.decoder = doubled_widths(options.width, options.depth - 1);
  shape.decoder_start = shape.encoder.back();
  return shape;
}

}  // namespace medsweep::models
