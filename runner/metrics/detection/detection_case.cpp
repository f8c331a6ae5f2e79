#include "runner/metrics/detection/detection_case.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <cmath>
#include <stdexcept>

namespace medsweep::runner {
namespace {

/// Checks the tensors of one side, "found" or "truth", of one case.
class DetectionSide {
 public:
  DetectionSide(const DetectionCase& owner, const char* side) : owner_(owner), side_(side) {}

  torch::Tensor take(const torch::Tensor& tensor, const char* what, torch::ScalarType type,
                     const std::vector<std::int64_t>& shape) const {
    if (!tensor.defined()) refuse(fmt::format("no {}; they are needed", what));
    if (tensor.scalar_type() != type || tensor.sizes() != shape)
      refuse(fmt::format("{} of {} [{}]; {} [{}] is allowed", what,
                         c10::toString(tensor.scalar_type()), fmt::join(tensor.sizes().vec(), ", "),
                         c10::toString(type), fmt::join(shape, ", ")));
    return tensor.to(torch::kCPU).contiguous();
  }

  /// [n, ...] float32, every number finite.
  torch::Tensor take_finite(const torch::Tensor& tensor, const char* what,
                            const std::vector<std::int64_t>& shape) const {
    const torch::Tensor taken = take(tensor, what, torch::kFloat32, shape);
    const float* values = taken.const_data_ptr<float>();
    for (std::int64_t i = 0; i < taken.numel(); ++i)
      if (!std::isfinite(values[i]))
        refuse(fmt::format("{} with {}; finite numbers are allowed", what, values[i]));
    return taken;
  }

  /// Of any number of objects; known where there are none.
  torch::Tensor take_masks(const torch::Tensor& masks, std::int64_t count) const {
    const std::vector<std::int64_t> shape{count, owner_.image.height, owner_.image.width};
    if (count == 0) return torch::zeros(shape, torch::kUInt8);
    return masks.defined() ? take(masks, "masks", torch::kUInt8, shape) : torch::Tensor();
  }

  template <typename Label>
  torch::Tensor take_labels(const torch::Tensor& labels, std::int64_t count) const {
    const torch::Tensor taken = take(labels, "labels", c10::CppTypeToScalarType<Label>(), {count});
    const auto classes = static_cast<std::int64_t>(owner_.classes.size());
    for (std::int64_t i = 0; i < count; ++i) {
      const auto label = static_cast<std::int64_t>(taken.const_data_ptr<Label>()[i]);
      if (label < 1 || label > classes)
        refuse(fmt::format("a label {}; 1 to {} are allowed", label, classes));
    }
    return taken;
  }

  std::int64_t count_of(const torch::Tensor& boxes) const {
    if (!boxes.defined() || boxes.dim() != 2) refuse("no boxes of shape [n, 4]; they are needed");
    return boxes.size(0);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw std::invalid_argument(
        fmt::format("[metrics] case '{}', {}: {}", owner_.name, side_, what));
  }

  const DetectionCase& owner_;
  const char* side_;
};

}  // namespace

DetectionCase checked(const DetectionCase& unchecked) {
  DetectionCase result = unchecked;
  if (result.classes.empty() || result.classes.size() > 255)
    throw std::invalid_argument(fmt::format("[metrics] case '{}': {} classes; 1 to 255 are allowed",
                                            result.name, result.classes.size()));
  const DetectionSide found(unchecked, "found");
  const std::int64_t n = found.count_of(unchecked.found.boxes);
  result.found.boxes = found.take_finite(unchecked.found.boxes, "boxes", {n, 4});
  result.found.scores = found.take_finite(unchecked.found.scores, "scores", {n});
  result.found.labels = found.take_labels<std::int64_t>(unchecked.found.labels, n);
  result.found.masks = found.take_masks(unchecked.found.masks, n);
  const DetectionSide truth(unchecked, "truth");
  const std::int64_t m = truth.count_of(unchecked.truth.boxes);
  result.truth.boxes = truth.take_finite(unchecked.truth.boxes, "boxes", {m, 4});
  result.truth.labels = truth.take_labels<std::uint8_t>(unchecked.truth.labels, m);
  result.truth.ignore = unchecked.truth.ignore.defined()
                            ? truth.take(unchecked.truth.ignore, "ignore", torch::kUInt8, {m})
                            : torch::zeros({m}, torch::kUInt8);
  result.truth.masks = truth.take_masks(unchecked.truth.masks, m);
  return result;
}

bool has_masks(const DetectionCase& ready) {
  return ready.found.masks.defined() && ready.truth.masks.defined();
}

}  // namespace medsweep::runner
