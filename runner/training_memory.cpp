#include "runner/training_memory.h"

#include <malloc.h>

namespace medsweep::runner {

void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_MAX, 0);  // no block has pages of its own, which would go when it is freed
  mallopt(M_TRIM_THRESHOLD, -1);
#endif
}

void give_freed_memory_back() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 128 << 10);  // its default; said, it no longer grows
  malloc_trim(0);
#endif
}

}  // namespace medsweep::runner
