#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "datasets/data_file.h"

namespace medsweep::datasets {

/// Gives a sample its classes as masks of their own, which may overlap: masks[i] is [H, W] uint8, 0
/// or 1, of class i + 1. Each that is not empty becomes an instance with its mask and box; the
/// label map is painted in their order, later ones over earlier ones.
void set_structures(RawSample& sample, const std::vector<torch::Tensor>& masks);

/// The column in which a mask's pixels lie on average; `where` names it in the error for an empty
/// one, std::invalid_argument.
double mask_centre(const torch::Tensor& mask, const std::string& where);

}  // namespace medsweep::datasets
