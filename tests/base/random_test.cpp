#include "base/random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace medsweep {
namespace {

// The vectors published with the Random123 library (kat_vectors, philox4x32 10).
TEST(Philox, EqualsThePublishedVectors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, IsAFunctionOfItsKeyAlone) {
  RandomStream a({1, 2, 3}), b({1, 2, 3}), other({1, 3, 2}), longer({1, 2, 3, 0});
  const double first = a.uniform();
  EXPECT_EQ(first, b.uniform());
  EXPECT_NE(first, other.uniform());
  EXPECT_NE(first, longer.uniform());
}

TEST(RandomStream, HasTheMomentsOfItsDistributions) {
  RandomStream stream({7});
  constexpr int kCount = 200000;
  double uniform = 0, normal = 0, square = 0;
  std::array<int, 5> histogram{};
  for (int i = 0; i < kCount; ++i) {
    uniform += stream.uniform();
    const double x = stream.normal();
    normal += x;
    square += x * x;
    ++histogram.at(static_cast<std::size_t>(stream.below(5)));
  }
  EXPECT_NEAR(uniform / kCount, 0.5, 0.005);
  EXPECT_NEAR(normal / kCount, 0.0, 0.01);
  EXPECT_NEAR(square / kCount, 1.0, 0.02);
  for (const int count : histogram) EXPECT_NEAR(count, kCount / 5, 600);
}

}  // namespace
}  // namespace medsweep
