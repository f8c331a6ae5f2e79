#include "runner/doctor/gpu.h"

#include <dlfcn.h>

namespace medsweep::runner {

int count_gpus() {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!driver) return 0;
  using Init = int (*)(unsigned);
  using Count = int (*)(int*);
  const auto init = reinterpret_cast<Init>(dlsym(driver, "cuInit"));
  const auto count = reinterpret_cast<Count>(dlsym(driver, "cuDeviceGetCount"));
  int devices = 0;
  if (!init || !count || init(0) != 0 || count(&devices) != 0) devices = 0;
  // The driver stays open: closing it while its threads run is not safe.
  return devices;
}

}  // namespace medsweep::runner
