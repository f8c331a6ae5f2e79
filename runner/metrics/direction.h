#pragma once

namespace medsweep::runner {

/// Which way a metric is better.
enum class Direction { kHigher, kLower };

}  // namespace medsweep::runner
