#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>

#include "models/operators/paste_masks.h"
#include "tests/models/golden_numbers.h"
#include "tests/models/mask_rcnn/rcnn_batch.h"
#include "tests/models/mask_rcnn/rcnn_values.h"

namespace medsweep::models::golden {

/// The streams of tests/golden/mask_rcnn.py beyond those of unet.py.
inline constexpr std::uint32_t kMomenta = 20000;

inline nlohmann::json rcnn_numbers(const std::string& name) {
  std::ifstream file(path_of("mask_rcnn_" + name + ".json"));
  return nlohmann::json::parse(file);
}

/// The batch of mask_rcnn.py.
inline datasets::Batch golden_batch(std::uint32_t step = 0) {
  const std::vector<datasets::Extent> sizes{{96, 128}, {112, 90}};
  const std::vector<std::vector<MadeObject>> objects{
      {{{8, 10, 50, 60}, 1}, {{60, 20, 120, 90}, 2}, {{30, 50, 44, 70}, 3}},
      {{{5, 40, 70, 100}, 2}, {{50, 6, 88, 40}, 1}}};
  datasets::Batch batch = made_batch(sizes, objects);
  batch.images.zero_();
  for (std::uint32_t i = 0; i < 2; ++i) {
    const auto& size = sizes[i];
    batch.images[i]
        .narrow(1, 0, size.height)
        .narrow(2, 0, size.width)
        .copy_((uniform(kImages + i + 10 * step, {3, size.height, size.width}) + 1) / 2);
  }
  return batch;
}

inline std::shared_ptr<MaskRcnn> golden_model(const nlohmann::json& kind, MemoryLayout layout) {
  MaskRcnnOptions options;
  options.backbone = kind["backbone"];
  if (kind.value("frozen", false)) options.backbone_options.normalization = "frozen_batch";
  if (kind.value("version", 1) == 2) options.version = RcnnVersion::kV2;
  options.pyramid_channels = kind.value("channels", 256);
  options.roi.representation = kind.value("representation", 1024);
  options.tasks = {{.classes = 3}};
  options.image.min_sizes = {128};
  options.image.max_size = 192;
  options.detection.limit = 20;
  options.layout = layout;
  return std::make_shared<MaskRcnn>(options, choose_first);
}

inline std::map<std::string, double> means_of(const Losses& losses) {
  std::map<std::string, double> means;
  for (const auto& [name, loss] : losses) means[name] = loss.sum.item<double>() / loss.weight;
  return means;
}

/// The root mean square difference of the products estimates the norm of the difference.
inline double estimated_difference(const torch::Tensor& gradient, const nlohmann::json& reference) {
  const auto theirs = reference["products"].get<std::vector<double>>();
  const auto ours = products(gradient);
  double square = 0;
  for (std::size_t k = 0; k < ours.size(); ++k)
    square += (ours[k] - theirs[k]) * (ours[k] - theirs[k]) / static_cast<double>(ours.size());
  return std::sqrt(square);
}

/// A network for training; where its statistics are frozen, they are those of the batch.
inline std::shared_ptr<MaskRcnn> calm_model(nlohmann::json kind, MemoryLayout layout) {
  const auto filled = [&] {
    const auto model = golden_model(kind, layout);
    fill_rcnn(*model, 0, kind["score_gain"], kind["first_gain"].get<double>());
    return model;
  };
  const auto model = filled();
  if (kind.value("frozen", false)) {
    kind["frozen"] = false;
    take_batch_statistics(*model, *filled(), golden_batch());
  }
  return model;
}

inline void expect_losses_and_gradients(const std::string& name, MemoryLayout layout) {
  const auto expected = rcnn_numbers(name);
  const auto model = calm_model(expected, layout);
  const Losses losses = model->loss(golden_batch());
  const auto means = means_of(losses);
  ASSERT_EQ(means.size(), expected["losses"].size());
  for (const auto& [loss, mean] : means)
    EXPECT_NEAR(mean, expected["losses"].at(loss).get<double>(), 1e-5 * mean) << loss;
  mean_of(losses).backward();
  double largest = 0;
  for (const auto& [key, gradient] : expected["gradients"].items())
    largest = std::max(largest, gradient["norm"].get<double>());
  const auto parameters = sorted_parameters(*model);
  ASSERT_EQ(parameters.size(), expected["gradients"].size());
  for (const auto& [key, parameter] : parameters) {
    const auto& reference = expected["gradients"].at(key);
    EXPECT_LE(estimated_difference(parameter.grad(), reference),
              1e-4 * reference["norm"].get<double>() + 1e-7 * largest)
        << key;
  }
}

inline void expect_detections(const std::string& name, MemoryLayout layout) {
  const auto expected = rcnn_numbers(name);
  const auto model = golden_model(expected, layout);
  fill_rcnn(*model, 0, expected["score_gain"]);
  model->eval();
  const auto batch = golden_batch();
  const auto found = model->find(batch);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const FoundObjects& objects = found[i].at(datasets::kSegmentation);
    const auto& reference = expected["detections"][i];
    const auto count = static_cast<std::int64_t>(reference["scores"].size());
    ASSERT_EQ(objects.scores.size(0), count);
    const auto scores = torch::tensor(reference["scores"].get<std::vector<float>>());
    EXPECT_LE((objects.scores - scores).abs().max().item<double>(), 1e-5);
    const auto labels = torch::tensor(reference["labels"].get<std::vector<std::int64_t>>());
    EXPECT_TRUE(torch::equal(objects.labels, labels));
    for (std::int64_t k = 0; k < count; ++k) {
      const auto box =
          torch::tensor(reference["boxes"][static_cast<std::size_t>(k)].get<std::vector<float>>());
      EXPECT_LE((objects.boxes[k] - box).abs().max().item<double>(), 1e-3) << k;
    }
    const auto masks = torch::tensor(reference["masks"].get<std::vector<float>>());
    const auto pasted = paste_masks(objects.masks, objects.boxes, batch.sizes[i]).flatten();
    const auto sampled = pasted.slice(0, 0, std::nullopt, 97);
    ASSERT_EQ(sampled.sizes(), masks.sizes());
    EXPECT_LE((sampled - masks).abs().max().item<double>(), 1e-4);
    EXPECT_GT(masks.max().item<double>(), 0.3);
  }
}

}  // namespace medsweep::models::golden
