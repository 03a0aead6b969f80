// The kinds of keys, for private_key.cc: what libcrypto has parsed becomes the key of the library that signs with it.
// Any thread.
#pragma once

#include <openssl/evp.h>

#include <expected>
#include <memory>
#include <string>

#include "engine/dkim/private_key.h"

namespace sluice::dkim {

struct EvpPkeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }  // which wipes what is secret in it
};
using EvpPkey = std::unique_ptr<EVP_PKEY, EvpPkeyDeleter>;

using ParsedKey = std::expected<std::unique_ptr<PrivateKey>, std::string>;

ParsedKey make_rsa_key(EvpPkey key);
ParsedKey make_ed25519_key(const EVP_PKEY& key);

}  // namespace sluice::dkim
