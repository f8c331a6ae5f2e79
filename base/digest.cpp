#include "base/digest.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <span>
#include <stdexcept>

namespace medsweep {
namespace {

void check_ssl(int result, const char* what) {
  if (result != 1) throw std::runtime_error(fmt::format("[digest] {} failed in libcrypto", what));
}

std::string hex_of(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  check_ssl(EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr), "EVP_DigestInit_ex");
}

Sha256::~Sha256() = default;

Sha256& Sha256::update(std::string_view bytes) { return update(bytes.data(), bytes.size()); }

Sha256& Sha256::update(const void* bytes, std::size_t size) {
  check_ssl(EVP_DigestUpdate(context_->evp, bytes, size), "EVP_DigestUpdate");
  return *this;
}

std::string Sha256::hex() {
  std::array<unsigned char, 32> digest{};
  check_ssl(EVP_DigestFinal_ex(context_->evp, digest.data(), nullptr), "EVP_DigestFinal_ex");
  return hex_of(digest);
}

std::string sha256_hex(std::string_view bytes) { return Sha256().update(bytes).hex(); }

std::string hmac_sha256_hex(std::string_view key, std::string_view text) {
  std::array<unsigned char, 32> digest{};
  const unsigned char* const done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                         reinterpret_cast<const unsigned char*>(text.data()),
                                         text.size(), digest.data(), nullptr);
  check_ssl(done != nullptr ? 1 : 0, "HMAC");
  return hex_of(digest);
}

std::uint32_t crc32(std::string_view bytes) {
  return libdeflate_crc32(0, bytes.data(), bytes.size());
}

}  // namespace medsweep
