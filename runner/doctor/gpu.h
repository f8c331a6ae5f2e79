#pragma once

namespace medsweep::runner {

/// How many devices NVIDIA's driver shows to this process; 0 without a driver. The driver's library
/// is opened, not linked, and no context is made.
int count_gpus();

}  // namespace medsweep::runner
