#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Throws std::invalid_argument that names both files where a mask [H, W] does not lie on its image
/// [C, H, W] pixel by pixel.
void check_mask_size(const torch::Tensor& mask, const std::filesystem::path& mask_path,
                     const torch::Tensor& image, const std::filesystem::path& image_path);

/// What is wrong with a part of the source, found while planning: an error, or with OnBad::kSkip a
/// line of plan.skipped. Throws std::invalid_argument.
void refuse_part(ConversionPlan& plan, const ConverterOptions& options, const std::string& text);

/// "3 images have no mask: they are left out" with their number and the first few names; none where
/// the list is empty. `what` stands behind the number.
void note_names(ConversionPlan& plan, const std::vector<std::string>& names,
                const std::string& what);

}  // namespace medsweep::datasets
