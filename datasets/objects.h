#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/catalog.h"
#include "datasets/raw_sample.h"
#include "datasets/resize.h"

namespace medsweep::datasets {

/// What a network that finds objects is to find in a sample.
///
///   none        nothing: a label map is the target
///   auto        the objects that are stored; where none are, as `class`
///   class       each class of the label map is one object
///   component   each 8-connected region of a class is one
enum class ObjectSource { kNone, kAuto, kClass, kComponent };
std::vector<Row> object_rows();
/// Throws std::invalid_argument for an unknown name.
ObjectSource object_source(std::string_view name);

/// Stored label -> code, 0 for what is not asked for.
using ObjectCodes = std::array<std::int16_t, 256>;

/// The objects of a stored sample in its own memory, with codes for labels; crowds are kept.
/// From label maps they come by rising code, components by their first pixel in row order.
/// Throws std::invalid_argument where the sample has neither objects nor labels.
Instances objects_of(const RawSample& sample, ObjectSource source, const ObjectCodes& codes);

/// Boxes scaled and moved, masks (nearest) scaled and padded.
Instances placed(const Instances& objects, const Placement& placement);

/// Without those of which nothing is left: no pixel of a mask, or a box without area. Boxes of
/// masks are drawn around their pixels anew.
Instances present(const Instances& objects);

/// Those whose label has a positive entry in `labels` (by code), with it for a label.
Instances of_task(const Instances& objects, const std::vector<std::int64_t>& labels);

}  // namespace medsweep::datasets
