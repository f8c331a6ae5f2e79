#include "runner/threads.h"

#include <gtest/gtest.h>

namespace medsweep::runner {
namespace {

TEST(ThreadShare, UnboundRanksDivideTheirCores) {
  const RankPlace place{"n1", {0, 1, 2, 3}};
  EXPECT_EQ(thread_share(place, {place, place}), 2);
  EXPECT_EQ(thread_share(place, {place, {"n2", {0, 1, 2, 3}}}), 4);
}

TEST(ThreadShare, BoundRanksKeepTheirOwn) {
  const RankPlace first{"n1", {0, 1}}, second{"n1", {2, 3}};
  EXPECT_EQ(thread_share(first, {first, second}), 2);
}

TEST(ThreadShare, MoreRanksThanCoresGetOneThreadEach) {
  const RankPlace place{"n1", {0}};
  EXPECT_EQ(thread_share(place, {place, place, place}), 1);
}

}  // namespace
}  // namespace medsweep::runner
