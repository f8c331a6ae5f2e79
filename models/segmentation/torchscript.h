#pragma once

#include <torch/script.h>

#include "models/segmentation/segmentation_network.h"

namespace medsweep::models {

/// A network that PyTorch wrote with torch.jit.script(network).save("net.pt"): takes
/// [N, in, H, W] and gives logits [N, out, H, W]. Trained, saved and loaded like any other; its
/// keys are those of the Python network. It starts with the file's weights, not by `init`.
///
/// What is within it is its own: batch normalisation takes the statistics of one rank's shard,
/// and dropout draws from torch's generator.
/// TorchScript is deprecated by PyTorch as of 2.11: this is a bridge.
class TorchScriptNetwork : public SegmentationNetwork {
 public:
  /// Options: in_channels, out_channels, file, size_multiple.
  /// Throws std::invalid_argument for a file that is not there or no scripted module, one without
  /// parameters, a multiple below 1, and attention.
  explicit TorchScriptNetwork(const NetworkOptions& options);
  static NetworkShape shape(const NetworkOptions& options);
  /// Throws std::invalid_argument, too, where the script gives anything but logits of the images'
  /// size and `out_channels`.
  torch::Tensor forward(const torch::Tensor& images) override;
  std::int64_t size_multiple() const override { return options_.size_multiple; }
  void train(bool on = true) override;
  /// The file's weights.
  void initialize_own() override;

 private:
  NetworkOptions options_;
  torch::jit::Module script_;
};

}  // namespace medsweep::models
