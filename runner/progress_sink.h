#pragma once

#include <spdlog/common.h>

#include "runner/progress.h"

namespace medsweep::runner {

/// A spdlog sink that prints its lines through `progress`, which must outlive it.
spdlog::sink_ptr log_sink(Progress& progress);

}  // namespace medsweep::runner
