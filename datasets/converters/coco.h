#pragma once

#include "datasets/converters/conversion.h"

namespace medsweep::datasets {

/// Images with annotations in COCO's JSON format, of any origin: a sample an image, objects as
/// instances with boxes, masks and labels, crowds marked as ignored.
///
/// options.annotations: the JSON; else the only instances*.json, or the only JSON, below the
/// source. options.classes: a subset of the categories' names, in this order. options.color: "rgb"
/// (default) or "gray". options.patient: a regular expression over the file's name without folders
/// and ending; without one every image is a patient by itself.
///
/// Names of classes are the categories' in lower case with '_' for blanks ("traffic_light"), their
/// ids are kept as label codes. Where any object has a mask, the others' are their filled boxes
/// (a note says how many), and a label map is painted from them: large objects first, so that small
/// ones stay visible. Crowds are outside the field of view where no other object lies over them.
/// Images without annotations are kept.
///
/// Throws as read_coco does, and std::invalid_argument for no or several JSON files to choose from,
/// unknown classes, and an image that is missing, ambiguous, or of another size than annotated.
ConversionPlan plan_coco(const ConverterOptions& options);

}  // namespace medsweep::datasets
