#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace medsweep::runner {

/// A tensor of a network as its state dictionary has it.
struct KeyedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  bool trained = true;  ///< false: a buffer
};

/// The tensors of a network in its order, parameters first, for one class (with softmax and the
/// background) of images as `color_mode` says. set: further knobs, as of `runner plan --set`:
/// "attention=se", "model.width=32". Without what belongs to losses.
/// Throws std::invalid_argument as the check of a study does.
std::vector<KeyedTensor> network_keys(const std::string& model,
                                      const std::vector<std::string>& set = {});

}  // namespace medsweep::runner
