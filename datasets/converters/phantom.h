#pragma once

#include <vector>

#include "base/catalog.h"
#include "datasets/converters/conversion.h"
#include "datasets/converters/converters.h"

namespace medsweep::datasets {

/// Made-up data for trying things out and for tests, one kind for each task: options.phantom.kind
/// names it. One item a patient. The same options give the same pixels, more patients only add.
///
/// Throws std::invalid_argument for an unknown kind (with the nearest one), counts below 1, a size
/// below 32, and a dimension or number of channels that the kind does not have.
ConversionPlan plan_phantom(const ConverterOptions& options);

/// The kinds, for help texts and tests.
std::vector<Row> phantom_rows();

}  // namespace medsweep::datasets
