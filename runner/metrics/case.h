#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

namespace medsweep::runner {

/// What is scored as one: a patient's volume at one time, or one image. Images are volumes of
/// D = 1, and surfaces and distances are then those of the plane.
struct Case {
  std::string name;
  torch::Tensor prediction;          ///< [D, H, W] uint8: 0 background, 1...K
  torch::Tensor truth;               ///< [D, H, W] uint8
  torch::Tensor valid;               ///< [D, H, W] bool: what counts; undefined: everything
  torch::Tensor probabilities;       ///< [K, D, H, W] float32; undefined: not kept
  std::vector<double> spacing;       ///< mm along [D, H, W]; empty where unknown
  std::vector<std::string> classes;  ///< K names, without the background
};

/// The case with contiguous tensors on the host.
/// Throws std::invalid_argument that names the case where shapes, types, spacing (positive) or the
/// number of classes disagree.
Case checked(const Case& unchecked);

}  // namespace medsweep::runner
