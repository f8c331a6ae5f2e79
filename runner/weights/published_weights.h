#pragma once

#include <filesystem>
#include <string_view>

namespace medsweep::runner {

/// The folder of weights that were downloaded once for all studies.
inline constexpr const char* kWeightsVariable = "MEDSWEEP_WEIGHTS";

/// The file that torchvision publishes for a network, in the folder that MEDSWEEP_WEIGHTS names
/// (looked for there and in its hub/checkpoints/ and checkpoints/, as torch's own cache has them).
/// Nothing is ever downloaded: compute nodes have no network.
///
/// training: "imagenet" or "imagenet_v2" (torchvision's IMAGENET1K_V1 and _V2) for a backbone,
///     resnet18|34|50|101|152, resnext50_32x4d, and V1 of vgg16, vgg16_bn, densenet121|161|169|201,
///     efficientnet_b0|b7; "coco" (COCO_V1) for mask_rcnn, mask_rcnn_v2,
///     faster_rcnn, faster_rcnn_v2 on resnet50, fcn_resnet50|101, deeplabv3 (on resnet50) and
///     deeplabv3_resnet101.
/// Throws std::invalid_argument for an unknown pair, which names those that there are; and where
/// the variable or the file is absent: which file, from which address, to be put where.
std::filesystem::path published_weights(std::string_view training, std::string_view network);

/// published_weights("imagenet", backbone).
std::filesystem::path imagenet_weights(std::string_view backbone);

/// Whether a file, told by its published name, was trained with frozen normalisation of epsilon 0
/// (maskrcnn_resnet50_fpn_coco and fasterrcnn_resnet50_fpn_coco): its network needs the same.
bool needs_zero_norm_epsilon(const std::filesystem::path& file);

}  // namespace medsweep::runner
