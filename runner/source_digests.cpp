#include "runner/source_digests.h"

namespace medsweep::runner {

const std::map<std::string, std::string>& source_digests() {
  static const std::map<std::string, std::string> kDigests{
#include "source_digests.inc"
  };
  return kDigests;
}

}  // namespace medsweep::runner
