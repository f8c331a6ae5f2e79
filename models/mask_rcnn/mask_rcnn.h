#pragma once

#include <memory>

#include "models/mask_rcnn/options.h"
#include "models/model.h"

namespace medsweep::models {

/// A Mask R-CNN (or, with RcnnOutputs::kBoxes, a Faster R-CNN) with its losses; see MaskRcnn.
std::shared_ptr<Model> make_mask_rcnn(const MaskRcnnOptions& options);

}  // namespace medsweep::models
