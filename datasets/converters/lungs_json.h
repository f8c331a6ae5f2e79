#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// The Lungs system's own dataset.json (its create_dataset.py writes it): a list with an
/// object an image, pixels and masks as nested lists:
///
///   {"instance_info": [{"class_id": 1, "class_name": "left lung", "bbox": [y1, x1, y2, x2],
///                       "height": 256, "width": 256, "mask_image": [H][W][1] of bool}, ...],
///    "image": {"original_image": [H][W][3] of 0 to 255},
///    "image_info": {"image_id": 0, "width": 256, "height": 256, "file_name": "0.jpg"}}
///
/// Class 0, "background", is dropped. Class 1, "left lung", is the lung on the image's left: the
/// patient's right, and so becomes right_lung here; class 2 becomes left_lung. Boxes are made from
/// the masks. Each object of the list is read by itself, so that memory does not grow with the
/// file.
///
/// options.annotations: the file, else dataset.json or the only JSON below the source.
/// options.color: "rgb" (default) or "gray". options.patient: over the file_name without ending.
///
/// Throws std::runtime_error for what is no JSON list of objects to its end, std::invalid_argument
/// "[FILE: image N] ..." (N from 0) for an object that is not as above, and for lungs on the wrong
/// sides of the image.
ConversionPlan plan_lungs_json(const ConverterOptions& options);

}  // namespace medsweep::datasets
