#include "base/digest.h"

#include <gtest/gtest.h>

namespace medsweep {
namespace {

TEST(Digest, Sha256OfFips180) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, PiecesAreAsTheWhole) {
  EXPECT_EQ(Sha256().update("a").update("").update("bc").hex(), sha256_hex("abc"));
}

// RFC 4231, test cases 1, 2 and 6 (a key longer than a block).
TEST(Digest, HmacSha256OfRfc4231) {
  EXPECT_EQ(hmac_sha256_hex(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256_hex(std::string(131, '\xaa'),
                            "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Digest, HmacTakesZerosInKeysAndTexts) {
  EXPECT_NE(hmac_sha256_hex(std::string("a\0b", 3), "x"),
            hmac_sha256_hex(std::string("a\0c", 3), "x"));
  EXPECT_NE(hmac_sha256_hex("k", std::string("a\0b", 3)),
            hmac_sha256_hex("k", std::string("a\0c", 3)));
}

TEST(Digest, Crc32OfTheCheckText) { EXPECT_EQ(crc32("123456789"), 0xCBF43926u); }

}  // namespace
}  // namespace medsweep
