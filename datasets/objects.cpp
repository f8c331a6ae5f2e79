#include "datasets/objects.h"

#include <torch/torch.h>

#include <opencv2/imgproc.hpp>
#include <stdexcept>

#include "datasets/augmentation/boxes.h"

namespace medsweep::datasets {
namespace {

constexpr std::array kObjectSources{
    Entry<ObjectSource>{"auto", "auto", "", ObjectSource::kAuto,
                        "those that the data has, else one a class"},
    Entry<ObjectSource>{"class", "class", "", ObjectSource::kClass,
                        "each class of the label map is one object"},
    Entry<ObjectSource>{"component", "component", "", ObjectSource::kComponent,
                        "each connected region of a class is one object"},
};
static_assert(names_are_unique(kObjectSources));

/// The rows of `objects` at these places, copied.
Instances rows_at(const Instances& objects, const std::vector<std::int64_t>& places) {
  const torch::Tensor index = torch::tensor(places, torch::kInt64);
  const auto take = [&](const torch::Tensor& column) {
    return column.defined() ? column.index_select(0, index) : torch::Tensor();
  };
  return {take(objects.boxes), take(objects.labels), take(objects.ignore), take(objects.masks),
          take(objects.mini_masks)};
}

Instances stored_objects(const Instances& objects, const ObjectCodes& codes) {
  std::vector<std::int64_t> places;
  std::vector<std::uint8_t> labels;
  const torch::Tensor stored = objects.labels.contiguous();
  for (std::int64_t i = 0; i < stored.numel(); ++i)
    if (const std::int16_t code = codes[stored.const_data_ptr<std::uint8_t>()[i]]; code > 0) {
      places.push_back(i);
      labels.push_back(static_cast<std::uint8_t>(code));
    }
  Instances result = rows_at(objects, places);
  result.labels = torch::tensor(labels, torch::kUInt8);
  return result;
}

/// 1 where `labels` has the code.
torch::Tensor mask_of(const torch::Tensor& labels, const ObjectCodes& codes, std::int16_t code) {
  torch::Tensor mask = torch::empty(labels.sizes(), torch::kUInt8);
  const auto* in = labels.const_data_ptr<std::uint8_t>();
  auto* out = mask.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) out[i] = codes[in[i]] == code ? 1 : 0;
  return mask;
}

void add_components(const torch::Tensor& mask, std::vector<torch::Tensor>& masks) {
  const auto height = static_cast<int>(mask.size(0)), width = static_cast<int>(mask.size(1));
  cv::Mat numbers;
  const cv::Mat image(height, width, CV_8UC1, mask.mutable_data_ptr());
  const int count = cv::connectedComponents(image, numbers, 8, CV_32S);
  const torch::Tensor components = torch::from_blob(numbers.data, mask.sizes(), torch::kInt32);
  for (int number = 1; number < count; ++number)
    masks.push_back((components == number).to(torch::kUInt8));
}

Instances objects_from_labels(const torch::Tensor& labels, ObjectSource source,
                              const ObjectCodes& codes) {
  std::int16_t last = 0;
  for (const std::int16_t code : codes) last = std::max(last, code);
  std::vector<torch::Tensor> masks;
  std::vector<std::uint8_t> found;
  for (std::int16_t code = 1; code <= last; ++code) {
    const torch::Tensor mask = mask_of(labels, codes, code);
    if (!mask.any().item<bool>()) continue;
    if (source == ObjectSource::kComponent)
      add_components(mask, masks);
    else
      masks.push_back(mask);
    found.resize(masks.size(), static_cast<std::uint8_t>(code));
  }
  Instances objects;
  objects.masks = masks.empty() ? torch::zeros({0, labels.size(0), labels.size(1)}, torch::kUInt8)
                                : torch::stack(masks);
  objects.boxes = bounds_of(objects.masks);
  objects.labels = torch::tensor(found, torch::kUInt8);
  objects.ignore = torch::zeros({std::ssize(found)}, torch::kUInt8);
  return objects;
}

}  // namespace

std::vector<Row> object_rows() { return rows_of(kObjectSources); }

ObjectSource object_source(std::string_view name) {
  return find("objects", kObjectSources, name).make;
}

Instances objects_of(const RawSample& sample, ObjectSource source, const ObjectCodes& codes) {
  if (source == ObjectSource::kAuto && sample.instances.defined())
    return stored_objects(sample.instances, codes);
  if (!sample.labels.defined())
    throw std::invalid_argument("it has neither objects nor labels; one of them is needed here");
  return objects_from_labels(sample.labels.contiguous(), source, codes);
}

Instances placed(const Instances& objects, const Placement& placement) {
  const auto& [original, target, scaled, top, left] = placement;
  if (target == original && scaled == original) return objects;
  const double x = static_cast<double>(scaled.width) / static_cast<double>(original.width);
  const double y = static_cast<double>(scaled.height) / static_cast<double>(original.height);
  const auto dx = static_cast<double>(left), dy = static_cast<double>(top);
  Instances result = objects;
  result.boxes = objects.boxes * torch::tensor({x, y, x, y}, torch::kFloat32) +
                 torch::tensor({dx, dy, dx, dy}, torch::kFloat32);
  const auto width = static_cast<double>(target.width), height = static_cast<double>(target.height);
  result.boxes = torch::minimum(result.boxes.clamp_min(0),
                                torch::tensor({width, height, width, height}, torch::kFloat32));
  if (objects.masks.defined() && objects.masks.size(0) > 0) {
    std::vector<torch::Tensor> masks;
    for (const torch::Tensor& mask : objects.masks.unbind())
      masks.push_back(resize_labels(mask.to(torch::kInt16), placement).clamp_min(0));
    result.masks = torch::stack(masks).to(torch::kUInt8);
  } else if (objects.masks.defined()) {
    result.masks = torch::zeros({0, target.height, target.width}, torch::kUInt8);
  }
  return result;
}

Instances present(const Instances& objects) {
  Instances drawn = objects;
  if (objects.masks.defined()) drawn.boxes = bounds_of(objects.masks.contiguous());
  const torch::Tensor boxes = drawn.boxes.contiguous();
  std::vector<std::int64_t> places;
  const auto* box = boxes.const_data_ptr<float>();
  for (std::int64_t i = 0; i < boxes.size(0); ++i, box += 4)
    if (box[2] > box[0] && box[3] > box[1]) places.push_back(i);
  return std::ssize(places) == boxes.size(0) ? drawn : rows_at(drawn, places);
}

Instances of_task(const Instances& objects, const std::vector<std::int64_t>& labels) {
  ObjectCodes codes{};
  for (std::size_t code = 0; code < labels.size(); ++code)
    if (labels[code] > 0) codes[code] = static_cast<std::int16_t>(labels[code]);
  return stored_objects(objects, codes);
}

}  // namespace medsweep::datasets
