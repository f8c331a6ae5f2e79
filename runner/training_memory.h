#pragma once

namespace medsweep::runner {

/// Lets the process keep the memory that tensors free, for the tensors of the next step. A step
/// allocates and frees some hundred megabytes; by itself glibc gives each large block back to the
/// system and gets it anew as zeroed pages, a tenth of a bfloat16 step. The process's size stays at
/// its peak. For the whole process; a second call changes nothing. Elsewhere than on glibc:
/// nothing.
void keep_freed_memory();

}  // namespace medsweep::runner
