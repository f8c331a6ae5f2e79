#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "datasets/batch.h"
#include "models/mask_rcnn/mask_rcnn.h"

namespace medsweep::models {

/// The pixels of the ellipse that fills a box of whole numbers: [H, W] uint8. In integers, as
/// tests/golden/mask_rcnn.py.
inline torch::Tensor ellipse(const std::vector<std::int64_t>& box, std::int64_t height,
                             std::int64_t width) {
  torch::Tensor mask = torch::zeros({height, width}, torch::kByte);
  auto pixels = mask.accessor<std::uint8_t, 2>();
  const std::int64_t w = box[2] - box[0], h = box[3] - box[1];
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t dx = (2 * x + 1 - box[0] - box[2]) * h;
      const std::int64_t dy = (2 * y + 1 - box[1] - box[3]) * w;
      pixels[y][x] = dx * dx + dy * dy <= w * h * w * h ? 1 : 0;
    }
  return mask;
}

struct MadeObject {
  std::vector<std::int64_t> box;  ///< x1, y1, x2, y2
  int label = 1;
  bool crowd = false;
};

inline datasets::Instances instances_of(const std::vector<MadeObject>& objects, std::int64_t height,
                                        std::int64_t width) {
  datasets::Instances instances;
  std::vector<torch::Tensor> boxes, masks;
  std::vector<int> labels, ignore;
  for (const auto& object : objects) {
    boxes.push_back(torch::tensor(object.box, torch::kFloat));
    masks.push_back(ellipse(object.box, height, width));
    labels.push_back(object.label);
    ignore.push_back(object.crowd ? 1 : 0);
  }
  const bool none = objects.empty();
  instances.boxes = none ? torch::zeros({0, 4}) : torch::stack(boxes);
  instances.masks = none ? torch::zeros({0, height, width}, torch::kByte) : torch::stack(masks);
  instances.labels = torch::tensor(labels, torch::kByte);
  instances.ignore = torch::tensor(ignore, torch::kByte);
  return instances;
}

/// A batch of images of the given sizes, dark with bright ellipses; `objects` per image.
inline datasets::Batch made_batch(
    const std::vector<datasets::Extent>& sizes, const std::vector<std::vector<MadeObject>>& objects,
    std::int64_t channels = 3, const std::vector<std::string>& tasks = {datasets::kSegmentation}) {
  std::vector<datasets::Sample> samples;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    datasets::Sample sample;
    const auto [height, width, depth] = sizes[i];
    sample.image = torch::full({channels, height, width}, 0.1);
    const auto instances = instances_of(objects[i], height, width);
    for (std::int64_t k = 0; k < instances.masks.size(0); ++k)
      sample.image += instances.masks[k] *
                      (0.3 * static_cast<double>(objects[i][static_cast<std::size_t>(k)].label));
    const torch::Tensor labels = torch::zeros({height, width}, torch::kLong);
    for (const auto& task : tasks) sample.targets[task] = {labels, instances};
    sample.id.name = "sample" + std::to_string(i);
    sample.random_key = 1000 + i;
    samples.push_back(sample);
  }
  return datasets::collate(samples, 1, channels);
}

/// The smallest network whose parts are all there: quick.
inline MaskRcnnOptions small_options() {
  MaskRcnnOptions options;
  options.backbone = "resnet18";
  options.pyramid_channels = 32;
  options.roi.representation = 64;
  options.image.resize = RcnnResize::kNone;
  options.tasks = {{.classes = 3}};
  options.rpn.anchors.sizes = {{8}, {16}, {32}, {64}, {128}};
  options.rpn.before_nms_training = options.rpn.after_nms_training = 300;
  options.rpn.before_nms_prediction = options.rpn.after_nms_prediction = 100;
  options.roi.sampling.per_image = 64;
  return options;
}

inline datasets::Batch two_images() {
  return made_batch({{64, 96}, {96, 64}}, {{{{4, 6, 30, 40}, 1}, {{40, 10, 90, 60}, 2}},
                                           {{{10, 20, 50, 60}, 3}, {{2, 70, 30, 90}, 1}}});
}

inline torch::Tensor mean_of(const Losses& losses) {
  torch::Tensor sum = torch::zeros({});
  for (const auto& [name, loss] : losses)
    sum = sum + loss.sum / (loss.weight > 0 ? loss.weight : 1.0);
  return sum;
}

}  // namespace medsweep::models
