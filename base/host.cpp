#include "base/host.h"

#include <unistd.h>

#include <array>

#include "base/files.h"

namespace medsweep {

std::string host_name() {
  std::array<char, 256> name{};
  check_errno(gethostname(name.data(), name.size() - 1), "host", "gethostname failed");
  return name.data();
}

}  // namespace medsweep
