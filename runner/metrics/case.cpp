#include "runner/metrics/case.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace medsweep::runner {
namespace {

[[noreturn]] void refuse_case(const Case& refused, const std::string& what) {
  throw std::invalid_argument(fmt::format("[metrics] case '{}': {}", refused.name, what));
}

torch::Tensor checked_tensor(const Case& owner, const torch::Tensor& tensor, const char* what,
                             torch::ScalarType type, torch::IntArrayRef shape) {
  if (tensor.scalar_type() != type)
    refuse_case(owner, fmt::format("{} of type {}; {} is allowed", what,
                                   c10::toString(tensor.scalar_type()), c10::toString(type)));
  if (tensor.sizes() != shape)
    refuse_case(owner,
                fmt::format("{} of shape [{}]; [{}] is allowed", what,
                            fmt::join(tensor.sizes().vec(), ", "), fmt::join(shape.vec(), ", ")));
  return tensor.to(torch::kCPU).contiguous();
}

}  // namespace

Case checked(const Case& unchecked) {
  Case result = unchecked;
  if (!result.truth.defined() || !result.prediction.defined() || result.truth.dim() != 3)
    refuse_case(result, "a prediction and a truth of shape [D, H, W] are needed");
  const std::vector<std::int64_t> shape = result.truth.sizes().vec();
  result.truth = checked_tensor(result, result.truth, "truth", torch::kUInt8, shape);
  result.prediction = checked_tensor(result, result.prediction, "prediction", torch::kUInt8, shape);
  if (result.valid.defined())
    result.valid = checked_tensor(result, result.valid, "valid", torch::kBool, shape);
  const auto classes = static_cast<std::int64_t>(result.classes.size());
  if (result.probabilities.defined())
    result.probabilities = checked_tensor(result, result.probabilities, "probabilities",
                                          torch::kFloat32, {classes, shape[0], shape[1], shape[2]});
  const bool positive = std::ranges::all_of(
      result.spacing, [](double length) { return std::isfinite(length) && length > 0; });
  if (!positive || (!result.spacing.empty() && result.spacing.size() != 3))
    refuse_case(result, fmt::format("spacing [{}] mm; three positive numbers are allowed",
                                    fmt::join(result.spacing, ", ")));
  if (classes < 1 || classes > 255)
    refuse_case(result, fmt::format("{} classes; 1 to 255 are allowed", classes));
  return result;
}

}  // namespace medsweep::runner
