// Public keys, made for tests alone.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/sender_dns/public_key.h"
#include "engine/smtp/base64.h"

namespace sluice::sender_dns {

inline constexpr std::string_view kRsa2048 =
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyqpv7YThPNPSXjE2Fgsg"
    "R7Ch9biCz6QR1gNXDQxxrRuLyuMcRrXryewt7fT1pmTwBEM/9yFL8wtv5JpJIa/R"
    "5U7fxi1JbntIjvb+KnXJdttjYdY832Lurm8gRVtMabiUk3kZnc0VvWblQy0kfXPo"
    "8Bw5gNzbo9XWGOADx7BAjYFFPeMcY9CWttwuneVkZ3dH8lyFQVFrTM9JuPDub0uo"
    "Q4v2m8pE6yFiXSaN49GxjnjbnVlYOpeZE3AqIZnnWxFKo4g1bbE5kNVaJE1TYKIy"
    "7r5swqqv0LAOW66ISIYrnnq9jBVNSQNkcXzvl7iowwEMOIc8cLrE3KqnIve9JNne"
    "+QIDAQAB";
inline constexpr std::string_view kRsa512 =
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALNCoSeej7wiP1TneEVW2nZ4jFj4XisvcDNaxJYNyyQMonclqR3p4ohUXRLFozZ3kkAE4thS4ODZKohEvL"
    "FT"
    "uHsCAwEAAQ==";
inline constexpr std::string_view kEd25519 = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";  // RFC 8463 A.2

inline PublicKey key_of(KeyType type, std::string_view base64) {
  PublicKey key{.type = type};
  EXPECT_TRUE(smtp::decode_base64(base64, key.bytes));
  return key;
}
inline PublicKey rsa_key() { return key_of(KeyType::rsa, kRsa2048); }
inline PublicKey ed25519_key() { return key_of(KeyType::ed25519, kEd25519); }

}  // namespace sluice::sender_dns
