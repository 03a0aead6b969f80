#include "engine/signing/pem.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <limits>
#include <memory>

namespace sluice::signing {
namespace {

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

// One block of a PEM file, wiped at its end.
struct PemBlock {
  PemBlock() = default;
  PemBlock(const PemBlock&) = delete;
  PemBlock& operator=(const PemBlock&) = delete;
  ~PemBlock() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(bytes, static_cast<std::size_t>(size));
  }
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* bytes = nullptr;
  long size = 0;  // NOLINT(google-runtime-int): the library's
};

}  // namespace

std::expected<dkim::KeyDer, std::string> key_of_pem(std::string_view pem) {
  if (pem.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return std::unexpected("is too long");
  const std::unique_ptr<BIO, BioDeleter> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) return std::unexpected("cannot be read: there is no memory");
  for (;;) {
    PemBlock block;
    if (PEM_read_bio(bio.get(), &block.name, &block.header, &block.bytes, &block.size) != 1) {
      ERR_clear_error();
      return std::unexpected("has no private key in PEM");
    }
    const std::string_view name(block.name);
    if (name == "ENCRYPTED PRIVATE KEY" || std::string_view(block.header).contains("ENCRYPTED"))
      return std::unexpected("is encrypted: write it without a passphrase (openssl pkey -in FILE -out FILE)");
    if (name == "PRIVATE KEY" || name == "RSA PRIVATE KEY") {
      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as bytes
      return dkim::KeyDer({reinterpret_cast<const char*>(block.bytes), static_cast<std::size_t>(block.size)});
    }
  }
}

}  // namespace sluice::signing
