#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/random.h"

namespace medsweep::datasets {

/// Fisher-Yates: every order is equally likely, and a function of the stream alone.
template <typename Item>
void shuffle(std::vector<Item>& items, RandomStream stream) {
  for (std::size_t i = items.size(); i > 1; --i) {
    const std::int64_t other = stream.below(static_cast<std::int64_t>(i));
    std::swap(items[i - 1], items[static_cast<std::size_t>(other)]);
  }
}

}  // namespace medsweep::datasets
