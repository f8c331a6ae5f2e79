#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "models/mask_rcnn/mask_rcnn.h"
#include "models/parameters.h"

namespace medsweep::models {
namespace {

using Shapes = std::map<std::string, std::string>;

std::string shape_text(const torch::Tensor& tensor) {
  std::ostringstream text;
  for (std::int64_t i = 0; i < tensor.dim(); ++i) text << (i > 0 ? "x" : "") << tensor.size(i);
  return text.str();
}

Shapes shapes_of(const MaskRcnnOptions& options) {
  const MaskRcnn model(options);
  Shapes shapes;
  for (const auto& parameter : model.named_parameters())
    shapes[parameter.key()] = shape_text(parameter.value());
  for (const auto& buffer : model.named_buffers())
    shapes[buffer.key()] = shape_text(buffer.value());
  return shapes;
}

Shapes torchvisions(const std::string& version) {
  std::ifstream file(std::string(MEDSWEEP_SOURCE_DIR) + "/tests/golden/mask_rcnn_keys_" + version +
                     ".txt");
  Shapes shapes;
  std::string line;
  while (std::getline(file, line)) {
    const auto space = line.find(' ');
    shapes[line.substr(0, space)] = line.substr(space + 1);
  }
  return shapes;
}

MaskRcnnOptions coco_options() {
  MaskRcnnOptions options;
  options.tasks = {{.classes = 90}};
  return options;
}

TEST(RcnnKeysTest, FirstVersionsKeysAndShapesAreTorchvisions) {
  const Shapes expected = torchvisions("v1");
  ASSERT_EQ(expected.size(), 360U);
  EXPECT_EQ(shapes_of(coco_options()), expected);
}

TEST(RcnnKeysTest, SecondVersionsKeysAndShapesAreTorchvisions) {
  const Shapes expected = torchvisions("v2");
  ASSERT_EQ(expected.size(), 432U);
  auto options = coco_options();
  options.version = RcnnVersion::kV2;
  EXPECT_EQ(shapes_of(options), expected);
}

TEST(RcnnKeysTest, FrozenNormalisationHasTheSameKeysButTheCounters) {
  Shapes expected = torchvisions("v1");
  std::erase_if(expected,
                [](const auto& item) { return item.first.ends_with("num_batches_tracked"); });
  ASSERT_EQ(expected.size(), 307U);
  auto options = coco_options();
  options.backbone_options.normalization = "frozen_batch";
  EXPECT_EQ(shapes_of(options), expected);
}

TEST(RcnnKeysTest, ParameterCountsArePublished) {
  auto options = coco_options();
  EXPECT_EQ(count_parameters(MaskRcnn(options)), 44'454'513);
  options.tasks = {{.classes = 1}};
  EXPECT_EQ(count_parameters(MaskRcnn(options)), 43'975'515);
}

TEST(RcnnKeysTest, WithoutMasksThereIsNoMaskHead) {
  MaskRcnnOptions options;
  options.backbone = "resnet18";
  options.outputs = RcnnOutputs::kBoxes;
  for (const auto& [key, shape] : shapes_of(options))
    EXPECT_EQ(key.find("mask"), std::string::npos) << key;
}

TEST(RcnnKeysTest, SeveralTasksHaveNetworksOfTheirOwn) {
  MaskRcnnOptions options;
  options.backbone = "resnet18";
  options.pyramid_channels = 32;
  options.roi.representation = 32;
  const Shapes one = shapes_of(options);
  options.tasks = {{.name = "left_ventricle", .classes = 1}, {.name = "myocardium", .classes = 1}};
  options.share = FeatureShare::kConcat;
  Shapes expected{{"share.0.weight", "32x64x3x3"}, {"share.0.bias", "32"},
                  {"share.1.weight", "32x64x3x3"}, {"share.1.bias", "32"},
                  {"share.2.weight", "32x64x1x1"}, {"share.2.bias", "32"},
                  {"share.3.weight", "32x64x1x1"}, {"share.3.bias", "32"},
                  {"share.4.weight", "32x64x1x1"}, {"share.4.bias", "32"}};
  for (const auto& [key, shape] : one) {
    expected["tasks.0." + key] = shape;
    expected["tasks.1." + key] = shape;
  }
  EXPECT_EQ(shapes_of(options), expected);
}

TEST(RcnnKeysTest, AttentionsKeysStandAtTheirPlaces) {
  MaskRcnnOptions options;
  options.backbone = "resnet18";
  options.pyramid_channels = 32;
  options.attention["mask_head"].name = "self_attention";
  options.attention["box_head"].name = "self_attention";
  const Shapes shapes = shapes_of(options);
  EXPECT_TRUE(shapes.contains("roi_heads.mask_head.attn.query.weight"));
  EXPECT_TRUE(shapes.contains("roi_heads.box_head.attention.query.weight"));
}

}  // namespace
}  // namespace medsweep::models
