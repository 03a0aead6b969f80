#include "auth/store/scram_derivation.h"

#include <openssl/evp.h>

#include <array>
#include <string>

#include "auth/saslprep.h"
#include "engine/io/real_platform.h"

namespace sluice::auth {

// RFC 5802 section 3:
//   SaltedPassword := Hi(Normalize(password), salt, i)
//   StoredKey := H(HMAC(SaltedPassword, "Client Key"))     ServerKey := HMAC(SaltedPassword, "Server Key")
StoreResult<ScramKeys> derive_scram_keys(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  std::string prepared = saslprep_or_same(password);
  ScramKey salted{};
  const int made =
      PKCS5_PBKDF2_HMAC(prepared.data(), static_cast<int>(prepared.size()),
                        reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                        static_cast<int>(iterations), EVP_sha256(), static_cast<int>(salted.size()), salted.data());
  wipe_bytes(prepared.data(), prepared.size());
  if (made != 1) return store_error(StoreError::Kind::failed, "there was no memory for a password's SCRAM keys");
  ScramKey client_key = hmac_sha256(as_bytes(salted), "Client Key");
  ScramKeys keys{.iterations = iterations,
                 .salt = std::string(salt),
                 .stored_key = sha256(as_bytes(client_key)),
                 .server_key = hmac_sha256(as_bytes(salted), "Server Key")};
  wipe_bytes(salted.data(), salted.size());
  wipe_bytes(client_key.data(), client_key.size());
  return keys;
}

StoreResult<ScramKeys> make_scram_keys(const Secret& password, std::uint32_t iterations) {
  std::array<std::byte, kScramSaltBytes> salt{};
  io::make_real_random()->fill(salt);
  return derive_scram_keys(password.reveal(), {reinterpret_cast<const char*>(salt.data()), salt.size()}, iterations);
}

}  // namespace sluice::auth
