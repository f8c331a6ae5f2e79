#pragma once

#include <stdexcept>

namespace medsweep {

/// Runs `work`; what a reader may say of damaged input is no find.
template <typename Work>
void attempt(const Work& work) {
  try {
    work();
  } catch (const std::invalid_argument&) {  // allowed: not as it should be
  } catch (const std::runtime_error&) {     // allowed: damaged
  }
}

}  // namespace medsweep
