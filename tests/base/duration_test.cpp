#include "base/duration.h"

#include <gtest/gtest.h>

#include <limits>

namespace medsweep {
namespace {

TEST(DurationText, HasTwoUnits) {
  EXPECT_EQ(duration_text(0.2), "0 s");
  EXPECT_EQ(duration_text(59.6), "1 min 00 s");
  EXPECT_EQ(duration_text(3725), "1 h 02 min");
  EXPECT_EQ(duration_text(100'000), "1 d 3 h");
  EXPECT_EQ(duration_text(std::numeric_limits<double>::infinity()), "unknown");
}

}  // namespace
}  // namespace medsweep
