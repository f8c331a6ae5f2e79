#include "runner/weights/published_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/catalog.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAddress = "https://download.pytorch.org/models/";
constexpr std::array<std::string_view, 3> kCacheFolders{"", "hub/checkpoints", "checkpoints"};

enum class NormEpsilon { kUsual, kZero };

struct PublishedFile {
  std::string_view training, network, file;
  NormEpsilon epsilon = NormEpsilon::kUsual;
};
constexpr std::array kPublishedFiles{
    PublishedFile{"imagenet", "resnet18", "resnet18-f37072fd.pth"},
    PublishedFile{"imagenet", "resnet34", "resnet34-b627a593.pth"},
    PublishedFile{"imagenet", "resnet50", "resnet50-0676ba61.pth"},
    PublishedFile{"imagenet", "resnet101", "resnet101-63fe2227.pth"},
    PublishedFile{"imagenet", "resnet152", "resnet152-394f9c45.pth"},
    PublishedFile{"imagenet", "resnext50_32x4d", "resnext50_32x4d-7cdf4587.pth"},
    PublishedFile{"imagenet", "vgg16", "vgg16-397923af.pth"},
    PublishedFile{"imagenet", "vgg16_bn", "vgg16_bn-6c64b313.pth"},
    PublishedFile{"imagenet", "densenet121", "densenet121-a639ec97.pth"},
    PublishedFile{"imagenet", "densenet161", "densenet161-8d451a50.pth"},
    PublishedFile{"imagenet", "densenet169", "densenet169-b2777c0a.pth"},
    PublishedFile{"imagenet", "densenet201", "densenet201-c1103571.pth"},
    PublishedFile{"imagenet", "efficientnet_b0", "efficientnet_b0_rwightman-7f5810bc.pth"},
    PublishedFile{"imagenet", "efficientnet_b7", "efficientnet_b7_lukemelas-c5b4e57e.pth"},
    PublishedFile{"imagenet_v2", "resnet50", "resnet50-11ad3fa6.pth"},
    PublishedFile{"imagenet_v2", "resnet101", "resnet101-cd907fc2.pth"},
    PublishedFile{"imagenet_v2", "resnet152", "resnet152-f82ba261.pth"},
    PublishedFile{"imagenet_v2", "resnext50_32x4d", "resnext50_32x4d-1a0047aa.pth"},
    PublishedFile{"coco", "mask_rcnn", "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",
                  NormEpsilon::kZero},
    PublishedFile{"coco", "faster_rcnn", "fasterrcnn_resnet50_fpn_coco-258fb6c6.pth",
                  NormEpsilon::kZero},
    PublishedFile{"coco", "fcn_resnet50", "fcn_resnet50_coco-1167a1af.pth"},
    PublishedFile{"coco", "fcn_resnet101", "fcn_resnet101_coco-7ecb50ca.pth"},
    PublishedFile{"coco", "deeplabv3", "deeplabv3_resnet50_coco-cd0a2569.pth"},
    PublishedFile{"coco", "deeplabv3_resnet101", "deeplabv3_resnet101_coco-586e9e4e.pth"},
    PublishedFile{"coco", "mask_rcnn_v2", "maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth"},
    PublishedFile{"coco", "faster_rcnn_v2", "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth"},
};

const PublishedFile& published_file(std::string_view training, std::string_view network) {
  std::vector<std::string_view> trainings, networks;
  for (const PublishedFile& row : kPublishedFiles) {
    if (row.training == training && row.network == network) return row;
    if (row.training == training) networks.push_back(row.network);
    if (trainings.empty() || trainings.back() != row.training) trainings.push_back(row.training);
  }
  if (networks.empty())
    throw std::invalid_argument(unknown_name("published weights", training, trainings));
  throw std::invalid_argument(unknown_name(fmt::format("{} weights", training), network, networks));
}

}  // namespace

fs::path published_weights(std::string_view training, std::string_view network) {
  const PublishedFile& wanted = published_file(training, network);
  const char* folder = std::getenv(kWeightsVariable);
  const bool is_set = folder != nullptr && *folder != '\0';
  if (is_set)
    for (const std::string_view cache : kCacheFolders)
      if (const fs::path path = fs::path(folder) / cache / wanted.file; fs::is_regular_file(path))
        return path;
  throw std::invalid_argument(fmt::format(
      "[{} weights of {}] {} is not in {}; download {}{} and put it {}", training, network,
      wanted.file, is_set ? folder : fmt::format("{}, which is not set", kWeightsVariable),
      kAddress, wanted.file,
      is_set ? "there" : fmt::format("into a folder that {} names", kWeightsVariable)));
}

fs::path imagenet_weights(std::string_view backbone) {
  return published_weights("imagenet", backbone);
}

bool needs_zero_norm_epsilon(const fs::path& file) {
  const auto name = file.filename().string();
  return std::ranges::any_of(kPublishedFiles, [&](const PublishedFile& row) {
    return row.epsilon == NormEpsilon::kZero && row.file == name;
  });
}

}  // namespace medsweep::runner
