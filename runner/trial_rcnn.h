#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/mask_rcnn/options.h"
#include "runner/settings.h"
#include "runner/trial_model.h"

namespace medsweep::runner {

/// Whether the trial's network finds objects rather than label maps.
bool finds_objects(const TrialSettings& settings);

/// The networks that do.
std::vector<std::string_view> rcnn_names();

/// The tasks of [trial] tasks, or the one of all classes: task name -> number of classes.
std::vector<models::RcnnTask> rcnn_tasks(const TrialSettings& settings, const DataShape& shape);

/// The options of a mask_rcnn, mask_rcnn_v2 or faster_rcnn: torchvision's, or matterport's with
/// profile = "matterport", changed by what the study says.
///
/// Values that `normalize` has brought to another range than [0, 1] (zscore, unit) are not
/// normalised again unless image_mean and image_deviation say so.
/// Throws std::invalid_argument for options that cannot be.
models::MaskRcnnOptions rcnn_options(const TrialSettings& settings, const DataShape& shape);

/// The size of the mini masks that the network is trained on; 0 x 0: whole masks, or none at all.
/// Unless the study says it, 56 x 56 with profile = "matterport", else none.
/// Throws std::invalid_argument for other than no or two numbers.
datasets::Extent mini_mask_size(const TrialSettings& settings);

}  // namespace medsweep::runner
