// Private keys on their way into the store and out of it: sealed with the wrapping key, where there is one, so that who
// has the store's file, a copy of it or its database has no key.  XChaCha20-Poly1305 (libsodium); a key is bound to its
// domain and selector, and opens under no other.
//
// Immutable.  Any thread.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "auth/store/signing_key.h"
#include "auth/store/store_address.h"
#include "engine/dkim/private_key.h"
#include "engine/io/platform.h"

namespace sluice::domain_keys {

class KeyWrapper {
 public:
  // Without a wrapping key: keys are kept as they are.
  KeyWrapper() = default;
  // The file dkim.wrapping_key_file: 32 bytes as they are, or as base64 on its first line, in a file as
  // io::secret_path() has it.  Others may not read it.
  // Blocks.  The error is a sentence that names the file.
  static std::expected<KeyWrapper, std::string> read(const std::string& file);
  // Likewise, of that setting's value, which may be empty; the error names the setting, too.
  static std::expected<KeyWrapper, std::string> configured(const std::string& file);

  [[nodiscard]] bool seals() const { return key_ != nullptr; }
  [[nodiscard]] auth::StoredPrivateKey wrap(std::string_view domain, std::string_view selector, const dkim::KeyDer& der,
                                            io::Random& random) const;
  // One that is not sealed is taken as it is, with and without a wrapping key.
  [[nodiscard]] std::expected<dkim::KeyDer, std::string> unwrap(std::string_view domain, std::string_view selector,
                                                                const auth::StoredPrivateKey& stored) const;

 private:
  struct Free {
    void operator()(unsigned char* bytes) const;
  };
  // In memory that is locked, wiped at its end, and in no core file.
  std::unique_ptr<unsigned char[], Free> key_;
};

// Whether keys may be put into the store: those in PostgreSQL are always sealed.
[[nodiscard]] bool may_keep_keys(const auth::StoreAddress& store, const KeyWrapper& wrapper);

}  // namespace sluice::domain_keys
