#include "models/segmentation/segmentation_network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

namespace medsweep::models {

void check_images(std::string_view where, const torch::Tensor& images, std::int64_t channels,
                  std::int64_t multiple) {
  if (images.dim() != 4 || images.size(1) != channels || images.size(2) % multiple != 0 ||
      images.size(3) % multiple != 0)
    throw std::invalid_argument(
        fmt::format("[{}] images of {}; N x {} x H x W with H and W multiples of {} are allowed",
                    where, fmt::join(images.sizes(), "x"), channels, multiple));
}

void check_volumes(std::string_view where, const torch::Tensor& volumes, std::int64_t channels,
                   const NetworkShape& shape) {
  const auto sides = volumes.sizes().slice(std::min<std::size_t>(2, volumes.sizes().size()));
  const bool fits =
      volumes.dim() == 5 && volumes.size(1) == channels &&
      std::ranges::all_of(sides, [&](auto side) { return side % shape.size_multiple == 0; }) &&
      std::ranges::min(sides) >= shape.smallest_side &&
      std::ranges::min(sides.slice(1)) >= shape.smallest_plane &&
      std::ranges::max(sides) >= shape.largest_side;
  if (!fits)
    throw std::invalid_argument(fmt::format(
        "[{}] volumes of {}; N x {} x D x H x W with multiples of {}, each of at least "
        "{} (H and W of {}) and one of at least {}, are allowed",
        where, fmt::join(volumes.sizes(), "x"), channels, shape.size_multiple, shape.smallest_side,
        std::max(shape.smallest_side, shape.smallest_plane), shape.largest_side));
}

}  // namespace medsweep::models
