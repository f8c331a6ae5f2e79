#include "models/segmentation/networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "models/backbones/resnet.h"
#include "models/segmentation/anatomy_net.h"
#include "models/segmentation/attention_slots.h"
#include "models/segmentation/attention_unet.h"
#include "models/segmentation/deep_medic.h"
#include "models/segmentation/deeplab.h"
#include "models/segmentation/dilated_network.h"
#include "models/segmentation/fcn8s.h"
#include "models/segmentation/gated_unet3d.h"
#include "models/segmentation/h_dense_unet.h"
#include "models/segmentation/retina_unet.h"
#include "models/segmentation/sa_unet.h"
#include "models/segmentation/torchscript.h"
#include "models/segmentation/transformed_network.h"
#include "models/segmentation/unet.h"
#include "models/segmentation/unet3d.h"
#include "models/segmentation/unet_resnet.h"
#include "models/segmentation/vnet.h"
#include "models/segmentation/vnet_original.h"
#include "models/segmentation/vox_res_net.h"

namespace medsweep::models {
namespace {

enum class BackboneChoice {
  kNone,   ///< the network has none
  kFixed,  ///< a study cannot tell another
  kFree,
};

struct NetworkKind {
  std::shared_ptr<SegmentationNetwork> (*make)(const NetworkOptions&);
  NetworkShape (*shape)(const NetworkOptions&);
  std::string_view backbone{};  ///< the network's own
  BackboneChoice choice = BackboneChoice::kNone;
};

template <typename Network>
std::shared_ptr<SegmentationNetwork> make(const NetworkOptions& options) {
  return std::make_shared<Network>(options);
}

std::shared_ptr<SegmentationNetwork> make_fcn_resnet(const NetworkOptions& options) {
  return std::make_shared<FcnResNet>(options, options.backbone);
}

constexpr NetworkKind fcn_resnet(std::string_view backbone) {
  return {make_fcn_resnet, DilatedNetwork::shape, backbone, BackboneChoice::kFixed};
}

template <typename Network>
constexpr NetworkKind kOnBackbone{make<Network>, Network::shape, kDefaultBackbone,
                                  BackboneChoice::kFree};

constexpr std::array kNetworks{
    Entry<NetworkKind>{"unet",
                       "unet",
                       "models/segmentation/unet",
                       {make<UNet>, UNet::shape},
                       "the usual 2-D U-Net, 64...1024 channels, 31.0 M parameters "
                       "(arXiv 1505.04597)"},
    Entry<NetworkKind>{"retina_unet",
                       "retina",
                       "models/segmentation/retina_unet",
                       {make<RetinaUNet>, RetinaUNet::shape},
                       "U-Net for retinal vessels with a one-convolution bottleneck, 23.4 M"},
    Entry<NetworkKind>{"sa_unet",
                       "saunet",
                       "models/segmentation/sa_unet",
                       {make<SaUNet>, halving_shape},
                       "small U-Net for retinal vessels with DropBlock and spatial attention, "
                       "0.54 M (arXiv 2004.03696)"},
    Entry<NetworkKind>{"attention_unet",
                       "attunet",
                       "models/segmentation/attention_unet",
                       {make<AttentionUNet>, AttentionUNet::shape},
                       "the usual U-Net with gates on its skips, 32.4 M (arXiv 1804.03999)"},
    Entry<NetworkKind>{"unet_resnet", "uresnet", "models/segmentation/unet_resnet",
                       kOnBackbone<UNetResNet>,
                       "U-Net with a backbone as its encoder, 32.5 M with resnet50 (arXiv "
                       "1505.04597, 1512.03385)"},
    Entry<NetworkKind>{"fcn_resnet50", "fcn50", "models/segmentation/dilated_network",
                       fcn_resnet("resnet50"),
                       "fully convolutional network on a dilated ResNet, torchvision's, 35.3 M "
                       "(arXiv 1411.4038)"},
    Entry<NetworkKind>{"fcn_resnet101", "fcn101", "models/segmentation/dilated_network",
                       fcn_resnet("resnet101"), "the same on a ResNet of 33 bottlenecks, 54.3 M"},
    Entry<NetworkKind>{"deeplabv3", "dlv3", "models/segmentation/deeplab", kOnBackbone<DeepLabV3>,
                       "atrous pyramid on a dilated backbone, torchvision's, 42.0 M with resnet50 "
                       "(arXiv 1706.05587)"},
    Entry<NetworkKind>{"deeplabv3_plus", "dlv3p", "models/segmentation/deeplab",
                       kOnBackbone<DeepLabV3Plus>,
                       "atrous pyramid and a decoder that joins it with C2, 40.3 M with resnet50 "
                       "(arXiv 1802.02611)"},
    Entry<NetworkKind>{"fcn8s",
                       "fcn8s",
                       "models/segmentation/fcn8s",
                       {make<Fcn8s>, Fcn8s::shape, "vgg16", BackboneChoice::kFree},
                       "scores of three levels of a VGG added up, 134.3 M (arXiv 1411.4038)"},
    Entry<NetworkKind>{"unet3d",
                       "unet3d",
                       "models/segmentation/unet3d",
                       {make<UNet3d>, UNet3d::shape},
                       "3-D U-Net of the attention zoo, 16...128 channels, PReLU and instance "
                       "normalisation, 1.0 M"},
    Entry<NetworkKind>{"unet3d_original",
                       "unet3do",
                       "models/segmentation/unet3d",
                       {make<UNet3d>, UNet3d::shape},
                       "3-D U-Net, 64...512 channels, 19.1 M (arXiv 1606.06650)"},
    Entry<NetworkKind>{"attention_unet3d",
                       "attunet3d",
                       "models/segmentation/gated_unet3d",
                       {make<GatedUNet3d>, GatedUNet3d::shape},
                       "3-D U-Net with gates on its skips, 16...256 channels, 4.9 M "
                       "(arXiv 1804.03999)"},
    Entry<NetworkKind>{"vnet",
                       "vnet",
                       "models/segmentation/vnet",
                       {make<VNet>, VNet::shape},
                       "V-Net of the attention zoo, 16...128 channels, 5x5x5 convolutions, 6.9 M"},
    Entry<NetworkKind>{"vnet_original",
                       "vneto",
                       "models/segmentation/vnet_original",
                       {make<VNetOriginal>, VNetOriginal::shape},
                       "V-Net, 16...256 channels, residual stages, 65 M (arXiv 1606.04797)"},
    Entry<NetworkKind>{"anatomynet",
                       "anatomy",
                       "models/segmentation/anatomy_net",
                       {make<AnatomyNet>, AnatomyNet::shape},
                       "halved only once, for small organs, 0.73 M (arXiv 1808.05238)"},
    Entry<NetworkKind>{"deepmedic",
                       "deepmedic",
                       "models/segmentation/deep_medic",
                       {make<DeepMedic>, DeepMedic::shape},
                       "two pathways, one of a third of the size, trained in segments, 0.66 M "
                       "(arXiv 1603.05959)"},
    Entry<NetworkKind>{"h_denseunet",
                       "hdense",
                       "models/segmentation/h_dense_unet",
                       {make<HDenseUNet>, HDenseUNet::shape},
                       "2-D DenseUNet-167 of slices and 3-D DenseUNet-65, fused, 65.5 M (arXiv "
                       "1709.07330)"},
    Entry<NetworkKind>{"voxresnet",
                       "voxres",
                       "models/segmentation/vox_res_net",
                       {make<VoxResNet>, VoxResNet::shape},
                       "residual, classified and supervised at four depths, 1.6 M (arXiv "
                       "1608.05895)"},
    Entry<NetworkKind>{kTorchScript,
                       "script",
                       "models/segmentation/torchscript",
                       {make<TorchScriptNetwork>, TorchScriptNetwork::shape},
                       "a network of one's own, scripted by PyTorch"},
};
static_assert(names_are_unique(kNetworks));

// Known before a network is built, so that a study is refused when it is read.
constexpr std::array<std::string_view, 3> kWithFeatures{"unet", "retina_unet", "sa_unet"};

/// With the network's own backbone where none is told; throws for what no network takes.
NetworkOptions complete_options(const Entry<NetworkKind>& entry, const NetworkOptions& options) {
  if (options.in_channels < 1 || options.out_channels < 1 || options.width < 1)
    throw std::invalid_argument(
        fmt::format("[model.{}] {} input channels, {} output channels, width {}; at least 1 is "
                    "allowed",
                    entry.name, options.in_channels, options.out_channels, options.width));
  if (options.depth < 2 || options.depth > 8)
    throw std::invalid_argument(
        fmt::format("[model.{}] depth {}; 2 to 8 is allowed", entry.name, options.depth));
  if (options.auxiliary < 0)
    throw std::invalid_argument(fmt::format("[model.{}] auxiliary = {}; at least 0 is allowed",
                                            entry.name, options.auxiliary));
  NetworkOptions complete = options;
  if (complete.backbone.empty()) complete.backbone = entry.make.backbone;
  if (entry.make.choice != BackboneChoice::kFree && complete.backbone != entry.make.backbone)
    throw std::invalid_argument(
        fmt::format("[model.{}] backbone '{}'; '{}' is allowed", entry.name, complete.backbone,
                    entry.make.backbone.empty() ? "none" : entry.make.backbone));
  return complete;
}

}  // namespace

std::shared_ptr<SegmentationNetwork> make_network(std::string_view name,
                                                  const NetworkOptions& options) {
  const auto& entry = find("model", kNetworks, name);
  const NetworkOptions complete = complete_options(entry, options);
  const NetworkShape shape = entry.make.shape(complete);  // which refuses what does not fit
  if (attention_traits(complete.attention.name).role != AttentionRole::kInput)
    return entry.make.make(complete);
  check_attention_fits(complete, shape);
  NetworkOptions inner = complete;
  inner.attention = {};
  inner.attention_places.clear();
  return std::make_shared<TransformedNetwork>(
      entry.make.make(inner), SpatialTransformerOptions{complete.in_channels, shape.dimensions,
                                                        complete.attention.options.corners});
}

NetworkShape network_shape(std::string_view name, const NetworkOptions& options) {
  const auto& entry = find("model", kNetworks, name);
  return entry.make.shape(complete_options(entry, options));
}

bool gives_features(std::string_view name) {
  return std::ranges::find(kWithFeatures, find("model", kNetworks, name).name) !=
         kWithFeatures.end();
}

std::string_view default_backbone(std::string_view name) {
  return find("model", kNetworks, name).make.backbone;
}

bool takes_backbone(std::string_view name) {
  return find("model", kNetworks, name).make.choice == BackboneChoice::kFree;
}

std::vector<Row> network_rows() { return rows_of(kNetworks); }

std::int64_t network_dimensions(std::string_view name) {
  return network_shape(name, {}).dimensions;
}

}  // namespace medsweep::models
