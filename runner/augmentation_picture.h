#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "datasets/data_file.h"
#include "runner/settings.h"

namespace medsweep::runner {

/// An augmentation as a study writes it: `elastic`, `{ name = "elastic", magnitude = 20 }`, or a
/// list of such. Without a word about probabilities every change happens. Throws
/// std::invalid_argument with what is wrong with it.
std::vector<Named> augmentation_from(const std::string& text);

/// A picture of what it does, [3, H, W] uint8: samples of the file, evenly spread, each as it is
/// and in five draws, with labels and boxes; what counts in no loss is dimmed. All pictures of a
/// row have the same black and white. Of volumes the middle slice. The same file and augmentation
/// give the same picture.
torch::Tensor augmentation_sheet(const datasets::DataFile& file, const std::vector<Named>& list,
                                 const std::string& title);

}  // namespace medsweep::runner
