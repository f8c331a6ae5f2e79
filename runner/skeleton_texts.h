#pragma once

#include <string_view>

namespace medsweep::runner {

/// What `runner new` writes, with @NAME@ for the name, @Class@ for the class and
/// @INCLUDE@ for the directive.
struct SkeletonTexts {
  std::string_view header, source, test;
};

SkeletonTexts attention_texts();
SkeletonTexts network_texts();
SkeletonTexts loss_texts();

}  // namespace medsweep::runner
