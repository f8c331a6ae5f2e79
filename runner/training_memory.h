#pragma once

namespace medsweep::runner {

/// Lets the process keep the memory that tensors free, for the tensors of the next step. A step
/// allocates and frees some hundred megabytes; by itself glibc gives each large block back to the
/// system and gets it anew as zeroed pages, a tenth of a bfloat16 step. The process's size stays at
/// its peak. For the whole process; a second call changes nothing. Elsewhere than on glibc:
/// nothing.
void keep_freed_memory();

/// The contrary, for planning: what is freed goes back to the system, now and from now on. By
/// itself glibc keeps large blocks too, once one has been freed.
void give_freed_memory_back();

}  // namespace medsweep::runner
