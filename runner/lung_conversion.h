#pragma once

#include <filesystem>

#include "datasets/converters/converters.h"
#include "runner/lung_masks.h"

namespace medsweep::runner {

/// convert("chest_xray", ...), where images without masks get the lungs that the models find, as
/// labels and instances (`runner prepare chest_xray --lung-model TRIAL`). Images on which not both
/// lungs are found keep no labels; they are drawn, with what the models said, on a contact sheet
/// `review_file(options.output)` (up to kReviewed, spread evenly); an old one of that name is
/// removed where nothing failed. The notes say "both lungs found: 94.2 % (65 of 69)".
/// Throws as datasets::convert and LungModels.
datasets::ConverterReport convert_with_lungs(const datasets::ConverterOptions& options,
                                             const LungModels& models,
                                             const datasets::ConverterProgress& progress = {});

inline constexpr std::int64_t kReviewed = 96;

/// "<output>.review.png"
std::filesystem::path review_file(const std::filesystem::path& output);

}  // namespace medsweep::runner
