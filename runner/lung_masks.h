#pragma once

#include <torch/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/converters/lung_split.h"
#include "runner/trained_model.h"

namespace medsweep::runner {

/// The grey levels spread evenly, as the Lungs system does before it segments: one histogram over
/// all channels of [C, H, W] uint8; with the running counts `cdf`, level v becomes
/// (cdf(v) - min) * 255 / (max - min), rounded down, min over the levels that occur. Other types
/// are scaled from their range to 0...255 first. An image of one level becomes 0.
torch::Tensor equalized(const torch::Tensor& image);

/// What the networks see of an X-ray.
enum class LungInput { kEqualized, kAsStored };

/// Lungs out of networks that were trained for it. Where a trial's classes have names with "lung",
/// these are lungs; else all of them are.
class LungModels {
 public:
  /// trials: as trained_trial takes them; several vote. Throws as that and TrainedModel, and
  /// std::invalid_argument for none, and for several tasks: these have no one label map.
  LungModels(const std::vector<std::string>& trials, const std::vector<std::filesystem::path>& runs,
             LungInput input = LungInput::kEqualized);

  /// image: [1, H, W]. Each network says inside or outside for each pixel; inside is what more than
  /// half of them say. Then split_lungs. Any thread may call it.
  datasets::LungSplit find(const torch::Tensor& image) const;
  /// Before split_lungs: [H, W] uint8, 0 or 1.
  torch::Tensor vote(const torch::Tensor& image) const;

  LungInput input() const { return input_; }
  /// The files of weights, for whoever keeps results.
  std::vector<std::filesystem::path> files() const;
  /// "lungs/unet (bf50a0e53573b5e2)", each.
  std::vector<std::string> names() const;

 private:
  std::vector<std::unique_ptr<TrainedModel>> models_;
  LungInput input_;
};

}  // namespace medsweep::runner
