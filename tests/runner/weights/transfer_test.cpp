#include "runner/weights/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "runner/checkpoint.h"
#include "runner/weights/published_weights.h"

namespace medsweep::runner {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

/// A module whose tensors have the given names and shapes, all 0; running statistics are buffers.
struct Named : torch::nn::Module {
  Named() = default;
  explicit Named(const std::map<std::string, std::vector<std::int64_t>>& shapes) {
    for (const auto& [name, shape] : shapes) put(name, torch::zeros(shape));
  }

  void put(const std::string& name, const torch::Tensor& values) {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) {
      if (values.is_floating_point() && !name.starts_with("running"))
        register_parameter(name, values);
      else
        register_buffer(name, values);
      return;
    }
    const std::string child = name.substr(0, dot);
    const auto all = named_children();
    const auto* known = all.find(child);
    const auto module = std::dynamic_pointer_cast<Named>(
        known != nullptr ? *known : register_module(child, std::make_shared<Named>()));
    module->put(name.substr(dot + 1), values);
  }
};

torch::Tensor counted(std::vector<std::int64_t> shape) {
  std::int64_t count = 1;
  for (const auto axis : shape) count *= axis;
  return torch::arange(1, count + 1, torch::kFloat32).view(shape);
}

std::string refused(Named& network, const Tensors& file, const TransferOptions& options = {}) {
  const auto before = named_tensors(network);
  Tensors copies;
  for (const auto& [name, tensor] : before) copies.emplace(name, tensor.clone());
  try {
    load_into(network, file, options);
  } catch (const std::invalid_argument& error) {
    for (const auto& [name, tensor] : before) EXPECT_TRUE(torch::equal(tensor, copies.at(name)));
    return error.what();
  }
  return "nothing was refused";
}

std::string joined(const TransferReport& report) {
  std::string text;
  for (const auto& line : report.lines) text += line + "\n";
  return text;
}

TEST(LoadInto, CopiesEveryTensorAndConvertsFloats) {
  Named network({{"a.weight", {2, 3}}, {"b.bias", {2}}});
  network.put("b.counter", torch::zeros({}, torch::kInt64));
  const auto report = load_into(network, {{"a.weight", counted({2, 3}).to(torch::kFloat16)},
                                          {"b.bias", counted({2}).to(torch::kFloat64)},
                                          {"b.counter", torch::tensor(7, torch::kInt32)}});
  const auto tensors = named_tensors(network);
  EXPECT_TRUE(torch::equal(tensors.at("a.weight"), counted({2, 3})));
  EXPECT_TRUE(torch::equal(tensors.at("b.bias"), counted({2})));
  EXPECT_EQ(tensors.at("b.counter").item<std::int64_t>(), 7);
  EXPECT_THAT(report.loaded, ElementsAre("a.weight", "b.bias", "b.counter"));
  EXPECT_THAT(report.lines, ElementsAre("3 tensors of 3 with 9 values from weights"));
}

TEST(LoadInto, NamesTensorsAndBothShapesThatDoNotFit) {
  Named network({{"a.weight", {2, 3}}, {"b.bias", {2}}});
  EXPECT_THAT(refused(network, {{"a.weight", counted({3, 2})}, {"b.bias", counted({4})}},
                      {.where = "w.pth"}),
              AllOf(HasSubstr("[w.pth]"),
                    HasSubstr("'a.weight' is [3, 2] in the file, [2, 3] in the network"),
                    HasSubstr("'b.bias' is [4] in the file, [2] in the network")));
  EXPECT_THAT(refused(network, {{"a.weight", torch::zeros({2, 3}, torch::kInt64)},
                                {"b.bias", counted({2})}}),
              HasSubstr("'a.weight' is Long in the file, Float in the network"));
}

TEST(LoadInto, MissingAndForeignTensorsAreRefusedOrNoted) {
  Named network({{"a.weight", {2}}, {"b.bias", {2}}});
  EXPECT_THAT(refused(network, {{"a.weight", counted({2})}}),
              HasSubstr("missing in it: b.bias (1); without a place in the network: none"));
  const Tensors more{{"a.weight", counted({2})}, {"b.bias", counted({2})}, {"c", counted({1})}};
  EXPECT_THAT(refused(network, more),
              HasSubstr("missing in it: none; without a place in the network: c (1)"));
  EXPECT_THAT(refused(network, {{"c", counted({1})}}, {.strictness = Strictness::kPartial}),
              HasSubstr("none of its tensors (c) has a place in the network, which has a.weight"));

  const auto report = load_into(network, {{"a.weight", counted({2})}, {"c", counted({1})}},
                                {.strictness = Strictness::kPartial});
  EXPECT_THAT(report.missing, ElementsAre("b.bias"));
  EXPECT_THAT(report.foreign, ElementsAre("c"));
  EXPECT_THAT(joined(report), AllOf(HasSubstr("left as they were: 1 tensors: b.bias"),
                                    HasSubstr("without a place here: 1 tensors: c")));
}

TEST(LoadInto, ExcludeLeavesOutTensorsModulesAndPatterns) {
  const Tensors file{{"a.weight", counted({2})},
                     {"ab.weight", counted({2})},
                     {"b.0.bias", counted({2})},
                     {"c.x.bias", counted({5})}};
  Named network({{"a.weight", {2}}, {"ab.weight", {2}}, {"b.0.bias", {2}}, {"c.x.bias", {2}}});
  const auto report = load_into(network, file, {.exclude = {"a", "b.*.bias", "c.x.bias"}});
  EXPECT_THAT(report.loaded, ElementsAre("ab.weight"));
  EXPECT_THAT(report.left_out, ElementsAre("a.weight", "b.0.bias", "c.x.bias"));
  EXPECT_EQ(named_tensors(network).at("a.weight").sum().item<double>(), 0);
  EXPECT_THAT(refused(network, file, {.exclude = {"hed"}}),
              HasSubstr("exclude 'hed' fits no tensor of the file or the network"));
}

TEST(LoadInto, HeadsOfAnotherClassCountKeepTheirValuesWithANote) {
  const std::string cls = "roi_heads.box_predictor.cls_score.weight",
                    masks = "roi_heads.mask_predictor.mask_fcn_logits.bias", fc = "roi_heads.fc6";
  Named network({{cls, {3, 4}}, {masks, {3}}, {fc, {2}}});
  const auto report =
      load_into(network, {{cls, counted({91, 4})}, {masks, counted({91})}, {fc, counted({2})}});
  EXPECT_THAT(report.left_out, ElementsAre(cls, masks));
  EXPECT_THAT(report.loaded, ElementsAre(fc));
  EXPECT_THAT(joined(report), HasSubstr("left out, of another number of classes: '" + cls +
                                        "' is [91, 4] in the file, [3, 4] in the network"));
  EXPECT_EQ(named_tensors(network).at(cls).sum().item<double>(), 0);
  EXPECT_THAT(refused(network, {{cls, counted({3, 5})}, {masks, counted({3})}, {fc, counted({2})}}),
              HasSubstr("[3, 5]"));
}

TEST(LoadInto, WrappersAroundAllNamesGoUnlessTheNetworkHasThem) {
  Named network({{"a.weight", {2}}, {"model_b", {2}}});
  load_into(network,
            {{"module.model.a.weight", counted({2})}, {"module.model.model_b", counted({2})}});
  EXPECT_EQ(named_tensors(network).at("a.weight").sum().item<double>(), 3);
  Named wrapped({{"model.a.weight", {2}}});
  EXPECT_THAT(load_into(wrapped, {{"model.a.weight", counted({2})}}).loaded,
              ElementsAre("model.a.weight"));
  EXPECT_THAT(refused(network, {{"module.a.weight", counted({2})}, {"model_b", counted({2})}}),
              HasSubstr("missing in it: a.weight (1); without a place in the network: "
                        "module.a.weight (1)"));
}

TEST(LoadInto, AClassifiersFileFillsTheBackboneAndItsBatchCountsGo) {
  Named network({{"backbone.body.conv1.weight", {4, 3, 7, 7}},
                 {"backbone.body.bn1.running_mean", {4}},
                 {"backbone.fpn.inner_blocks.0.0.weight", {2, 4, 1, 1}}});
  const Tensors file{{"conv1.weight", counted({4, 3, 7, 7})},
                     {"bn1.running_mean", counted({4})},
                     {"bn1.num_batches_tracked", torch::tensor(5)},
                     {"fc.weight", counted({10, 4})},
                     {"fc.bias", counted({10})}};
  const auto report = load_into(network, file);
  EXPECT_THAT(report.loaded,
              UnorderedElementsAre("backbone.body.conv1.weight", "backbone.body.bn1.running_mean"));
  EXPECT_THAT(report.missing, ElementsAre("backbone.fpn.inner_blocks.0.0.weight"));
  EXPECT_THAT(joined(report), HasSubstr("the classifier's fc.weight"));

  Tensors less = file;
  less.erase("bn1.running_mean");
  EXPECT_THAT(refused(network, less), HasSubstr("backbone.body.bn1.running_mean"));

  Named body({{"conv1.weight", {4, 3, 7, 7}}, {"bn1.running_mean", {4}}});
  EXPECT_EQ(load_into(body, file).loaded.size(), 2U);
}

TEST(LoadInto, AClassifierOfAnyBackboneFillsANetworkOfLabelMaps) {
  Named network({{"encoder.features.conv0.weight", {4, 3, 7, 7}},
                 {"encoder.features.denseblock1.denselayer2.norm1.weight", {4}},
                 {"segmentation_head.0.weight", {1, 4, 3, 3}}});
  TransferOptions options;
  options.body = "encoder.";
  options.strictness = Strictness::kPartial;
  const Tensors file{{"features.conv0.weight", counted({4, 3, 7, 7})},
                     {"features.denseblock1.denselayer2.norm.1.weight", counted({4})},
                     {"classifier.weight", counted({10, 4})}};
  const auto report = load_into(network, file, options);
  EXPECT_THAT(report.loaded,
              UnorderedElementsAre("encoder.features.conv0.weight",
                                   "encoder.features.denseblock1.denselayer2.norm1.weight"));
  EXPECT_TRUE(report.foreign.empty());
  EXPECT_THAT(joined(report), HasSubstr("the classifier's classifier.weight"));
}

TEST(LoadInto, HeadsOfLabelMapsOfOtherClassCountsStay) {
  Named network({{"backbone.conv1.weight", {4, 3, 7, 7}}, {"classifier.4.weight", {2, 8, 1, 1}}});
  TransferOptions options;
  options.body = "backbone.";
  const auto report = load_into(network,
                                {{"backbone.conv1.weight", counted({4, 3, 7, 7})},
                                 {"classifier.4.weight", counted({21, 8, 1, 1})}},
                                options);
  EXPECT_THAT(report.loaded, ElementsAre("backbone.conv1.weight"));
  EXPECT_THAT(report.left_out, ElementsAre("classifier.4.weight"));
}

TEST(LoadInto, ABatchCountThatTheFileLacksStays) {
  Named network({{"bn1.running_mean", {4}}});
  network.put("bn1.num_batches_tracked", torch::tensor(3));
  const auto report = load_into(network, {{"bn1.running_mean", counted({4})}});
  EXPECT_TRUE(report.missing.empty());
  EXPECT_EQ(named_tensors(network).at("bn1.num_batches_tracked").item<std::int64_t>(), 3);
}

TEST(LoadInto, AnRgbStemIsFoldedForGreyImages) {
  const auto stem = counted({2, 3, 2, 2});
  for (const auto fold : {StemFold::kSum, StemFold::kMean}) {
    Named network({{"backbone.body.conv1.weight", {2, 1, 2, 2}}});
    const auto report = load_into(network, {{"conv1.weight", stem}}, {.stem = fold});
    const auto image = torch::rand({1, 1, 5, 5});
    const auto expected = torch::conv2d(image.repeat({1, 3, 1, 1}), stem);
    const auto folded =
        torch::conv2d(image, named_tensors(network).at("backbone.body.conv1.weight"));
    EXPECT_TRUE(torch::allclose(folded * (fold == StemFold::kSum ? 1 : 3), expected));
    EXPECT_THAT(joined(report), HasSubstr(fold == StemFold::kSum ? "by sum" : "by mean"));
  }
  EXPECT_THROW(fold_stem(counted({2, 1, 2, 2}), StemFold::kSum), std::invalid_argument);
}

TEST(TorchvisionKeys, OldNamesBecomeTodaysAndTodaysStay) {
  const std::pair<const char*, const char*> renamed[]{
      {"rpn.head.conv.weight", "rpn.head.conv.0.0.weight"},
      {"rpn.head.conv.bias", "rpn.head.conv.0.0.bias"},
      {"backbone.fpn.inner_blocks.3.weight", "backbone.fpn.inner_blocks.3.0.weight"},
      {"backbone.fpn.layer_blocks.0.bias", "backbone.fpn.layer_blocks.0.0.bias"},
      {"roi_heads.mask_head.mask_fcn1.weight", "roi_heads.mask_head.0.0.weight"},
      {"roi_heads.mask_head.mask_fcn4.bias", "roi_heads.mask_head.3.0.bias"},
      {"features.denseblock2.denselayer12.norm.2.running_mean",
       "features.denseblock2.denselayer12.norm2.running_mean"},
      {"features.denseblock2.denselayer1.conv.1.weight",
       "features.denseblock2.denselayer1.conv1.weight"},
  };
  for (const auto& [old, today] : renamed) {
    EXPECT_EQ(torchvision_key(old), today);
    EXPECT_EQ(torchvision_key(today), today);
  }
  for (const char* name :
       {"backbone.body.conv1.weight", "roi_heads.mask_predictor.mask_fcn_logits.weight",
        "backbone.fpn.inner_blocks.0.1.running_mean", "rpn.head.conv.1.0.weight", "", "weight"})
    EXPECT_EQ(torchvision_key(name), name);
}

TEST(TorchvisionKeys, AnOldFileFillsATodaysNetwork) {
  Named network({{"rpn.head.conv.0.0.weight", {2}}, {"roi_heads.mask_head.1.0.bias", {2}}});
  const auto report = load_into(network, {{"rpn.head.conv.weight", counted({2})},
                                          {"roi_heads.mask_head.mask_fcn2.bias", counted({2})}});
  EXPECT_EQ(report.loaded.size(), 2U);
  EXPECT_THAT(report.lines, Contains("2 names of older torchvision renamed"));
  EXPECT_THAT(refused(network, {{"rpn.head.conv.weight", counted({2})},
                                {"rpn.head.conv.0.0.weight", counted({2})},
                                {"roi_heads.mask_head.1.0.bias", counted({2})}}),
              HasSubstr("under its old and its new name"));
}

class PublishedWeights : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_ / "hub/checkpoints");
    setenv(kWeightsVariable, folder_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv(kWeightsVariable);
    fs::remove_all(folder_);
  }
  std::string refusal(std::string_view training, std::string_view network) const {
    try {
      return published_weights(training, network).string();
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
  }
  const fs::path folder_ = fs::path(testing::TempDir()) / "medsweep_published_weights";
};

TEST_F(PublishedWeights, AreFoundByTheirName) {
  std::ofstream(folder_ / "resnet50-0676ba61.pth") << "a";
  std::ofstream(folder_ / "hub/checkpoints/resnet18-f37072fd.pth") << "a";
  EXPECT_EQ(imagenet_weights("resnet50"), folder_ / "resnet50-0676ba61.pth");
  EXPECT_EQ(imagenet_weights("resnet18"), folder_ / "hub/checkpoints/resnet18-f37072fd.pth");
}

TEST_F(PublishedWeights, SayWhatToDownloadAndWhereToPutIt) {
  EXPECT_THAT(refusal("imagenet", "resnet101"),
              AllOf(HasSubstr("https://download.pytorch.org/models/resnet101-63fe2227.pth"),
                    HasSubstr("is not in " + folder_.string()), HasSubstr("put it there")));
  EXPECT_THAT(refusal("imagenet_v2", "resnet50"), HasSubstr("resnet50-11ad3fa6.pth"));
  EXPECT_THAT(refusal("coco", "mask_rcnn"), HasSubstr("maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"));
  unsetenv(kWeightsVariable);
  EXPECT_THAT(refusal("imagenet", "resnet34"),
              AllOf(HasSubstr("MEDSWEEP_WEIGHTS, which is not set"),
                    HasSubstr("into a folder that MEDSWEEP_WEIGHTS names")));
}

TEST_F(PublishedWeights, UnknownOnesAreNamedWithTheNearest) {
  EXPECT_THAT(refusal("imagenet", "resnet51"), HasSubstr("did you mean 'resnet50'"));
  EXPECT_THAT(refusal("imagenett", "resnet50"), HasSubstr("did you mean 'imagenet'"));
  EXPECT_THAT(refusal("imagenet_v2", "resnet18"), HasSubstr("unknown name 'resnet18'"));
}

TEST_F(PublishedWeights, OfCocoWithFrozenNormalisationNeedEpsilonZero) {
  EXPECT_TRUE(needs_zero_norm_epsilon("a/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"));
  EXPECT_TRUE(needs_zero_norm_epsilon("fasterrcnn_resnet50_fpn_coco-258fb6c6.pth"));
  EXPECT_FALSE(needs_zero_norm_epsilon("maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth"));
  EXPECT_FALSE(needs_zero_norm_epsilon("resnet50-0676ba61.pth"));
}

}  // namespace
}  // namespace medsweep::runner
