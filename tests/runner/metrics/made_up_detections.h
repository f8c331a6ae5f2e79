#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runner/metrics/detection/detection_case.h"

namespace medsweep::runner {

/// The generator of tests/golden/detection_metrics.py.
class DetectionGenerator {
 public:
  explicit DetectionGenerator(std::uint64_t seed) : state_(seed) {}
  std::int64_t below(std::int64_t count) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::int64_t>(state_ >> 33) % count;
  }
  std::int64_t around(std::int64_t reach) { return below(2 * reach + 1) - reach; }

 private:
  std::uint64_t state_;
};

using TestBox = std::array<double, 4>;  // x1, y1, x2, y2

inline torch::Tensor tensor_of_boxes(const std::vector<TestBox>& boxes) {
  torch::Tensor tensor = torch::empty({static_cast<std::int64_t>(boxes.size()), 4});
  for (std::size_t i = 0; i < boxes.size(); ++i)
    for (std::size_t edge = 0; edge < 4; ++edge)
      tensor.data_ptr<float>()[4 * i + edge] = static_cast<float>(boxes[i][edge]);
  return tensor;
}

/// A thing in an image: of the truth (score unused) or of what was found (crowd unused).
struct TestThing {
  TestBox box{};
  std::int64_t label = 1;
  double score = 1;
  bool crowd = false;
  torch::Tensor mask{};  ///< [H, W] uint8; undefined: none of the side has one
};

inline torch::Tensor masks_of(const std::vector<TestThing>& things) {
  std::vector<torch::Tensor> masks;
  for (const TestThing& thing : things) masks.push_back(thing.mask);
  return masks.empty() || !masks[0].defined() ? torch::Tensor() : torch::stack(masks);
}

inline std::vector<TestBox> boxes_of(const std::vector<TestThing>& things) {
  std::vector<TestBox> boxes;
  for (const TestThing& thing : things) boxes.push_back(thing.box);
  return boxes;
}

inline DetectionCase made_case(const std::string& name, const std::vector<TestThing>& objects,
                               const std::vector<TestThing>& found,
                               const datasets::Extent& image = {64, 64},
                               const std::vector<std::string>& classes = {"object"}) {
  std::vector<std::int64_t> labels, object_labels, crowds;
  std::vector<double> scores;
  for (const TestThing& thing : found) {
    labels.push_back(thing.label);
    scores.push_back(thing.score);
  }
  for (const TestThing& thing : objects) {
    object_labels.push_back(thing.label);
    crowds.push_back(thing.crowd ? 1 : 0);
  }
  DetectionCase made{.name = name, .classes = classes, .image = image};
  made.found = {tensor_of_boxes(boxes_of(found)),
                torch::tensor(scores, torch::kFloat64).to(torch::kFloat32),
                torch::tensor(labels, torch::kInt64), masks_of(found)};
  made.truth = {tensor_of_boxes(boxes_of(objects)),
                torch::tensor(object_labels, torch::kInt64).to(torch::kUInt8),
                torch::tensor(crowds, torch::kInt64).to(torch::kUInt8), masks_of(objects)};
  return made;
}

/// A filled rectangle of whole pixels, with its box.
inline TestThing rectangle(std::int64_t x1, std::int64_t y1, std::int64_t x2, std::int64_t y2,
                           double score = 1, const datasets::Extent& image = {64, 64}) {
  torch::Tensor mask = torch::zeros({image.height, image.width}, torch::kUInt8);
  mask.slice(0, y1, y2).slice(1, x1, x2).fill_(1);
  const auto edge = [](std::int64_t value) { return static_cast<double>(value); };
  return {{edge(x1), edge(y1), edge(x2), edge(y2)}, 1, score, false, mask};
}

inline TestThing of_class(TestThing thing, std::int64_t label) {
  thing.label = label;
  return thing;
}

inline TestThing without_mask(TestThing thing) {
  thing.mask = torch::Tensor();
  return thing;
}

inline TestThing crowd(TestThing thing) {
  thing.crowd = true;
  return thing;
}

}  // namespace medsweep::runner
