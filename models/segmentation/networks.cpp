#include "models/segmentation/networks.h"

#include <fmt/format.h>

#include <stdexcept>

#include "models/segmentation/retina_unet.h"
#include "models/segmentation/sa_unet.h"
#include "models/segmentation/unet.h"

namespace medsweep::models {
namespace {

using MakeNetwork = std::shared_ptr<SegmentationNetwork> (*)(const NetworkOptions&);

template <typename Network>
std::shared_ptr<SegmentationNetwork> make(const NetworkOptions& options) {
  return std::make_shared<Network>(options);
}

constexpr std::array kNetworks{
    Entry<MakeNetwork>{"unet", "unet", "models/segmentation/unet", make<UNet>,
                       "the usual 2-D U-Net, 64...1024 channels, 31.0 M parameters"},
    Entry<MakeNetwork>{"retina_unet", "retina", "models/segmentation/retina_unet", make<RetinaUNet>,
                       "U-Net for retinal vessels with a one-convolution bottleneck, 23.4 M"},
    Entry<MakeNetwork>{"sa_unet", "saunet", "models/segmentation/sa_unet", make<SaUNet>,
                       "small U-Net for retinal vessels with DropBlock and spatial attention, "
                       "0.54 M (arXiv 2004.03696)"},
};
static_assert(names_are_unique(kNetworks));

}  // namespace

std::shared_ptr<SegmentationNetwork> make_network(std::string_view name,
                                                  const NetworkOptions& options) {
  const auto& entry = find("model", kNetworks, name);
  if (options.in_channels < 1 || options.out_channels < 1 || options.width < 1)
    throw std::invalid_argument(
        fmt::format("[model.{}] {} input channels, {} output channels, width {}; at least 1 is "
                    "allowed",
                    name, options.in_channels, options.out_channels, options.width));
  if (options.depth < 2 || options.depth > 8)
    throw std::invalid_argument(
        fmt::format("[model.{}] depth {}; 2 to 8 is allowed", name, options.depth));
  return entry.make(options);
}

std::vector<Row> network_rows() { return rows_of(kNetworks); }

std::vector<std::int64_t> doubled_widths(std::int64_t width, std::int64_t count) {
  std::vector<std::int64_t> widths;
  for (std::int64_t level = 0; level < count; ++level) widths.push_back(width << level);
  return widths;
}

void check_images(std::string_view where, const torch::Tensor& images, std::int64_t channels,
                  std::int64_t multiple) {
  if (images.dim() != 4 || images.size(1) != channels || images.size(2) % multiple != 0 ||
      images.size(3) % multiple != 0)
    throw std::invalid_argument(
        fmt::format("[{}] images of {}; N x {} x H x W with H and W multiples of {} are allowed",
                    where, fmt::join(images.sizes(), "x"), channels, multiple));
}

}  // namespace medsweep::models
