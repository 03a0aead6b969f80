// The client's side of SCRAM-SHA-256, as RFC 5802 section 3 writes it and with a PBKDF2 of its own, to hold against the
// server's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "auth/scram.h"

namespace sluice::testing {

inline auth::ScramKey exclusive_or(const auth::ScramKey& a, const auth::ScramKey& b) {
  auth::ScramKey result{};
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = a[i] ^ b[i];
  return result;
}

// Hi(): RFC 5802 section 2.2.
inline auth::ScramKey salted_password(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  using namespace std::string_literals;
  auth::ScramKey each = auth::hmac_sha256(password, std::string(salt) + "\0\0\0\1"s);
  auth::ScramKey all = each;
  for (std::uint32_t i = 1; i < iterations; ++i) {
    each = auth::hmac_sha256(password, auth::as_bytes(each));
    all = exclusive_or(all, each);
  }
  return all;
}

inline auth::ScramKeys scram_keys_of(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  const auth::ScramKey salted = salted_password(password, salt, iterations);
  return {.account_id = 1,
          .iterations = iterations,
          .salt = std::string(salt),
          .stored_key = auth::sha256(auth::as_bytes(auth::hmac_sha256(auth::as_bytes(salted), "Client Key"))),
          .server_key = auth::hmac_sha256(auth::as_bytes(salted), "Server Key")};
}

struct ScramClient {
  std::string name = "user";
  std::string password = "pencil";
  std::string gs2 = "n,,";
  std::string binding = {};
  std::string nonce = "rOprNGfwEbeRWgbNEkqO";

  [[nodiscard]] std::string first_bare() const { return "n=" + name + ",r=" + nonce; }
  [[nodiscard]] std::string first() const { return gs2 + first_bare(); }

  // What a field of the server's first message is.
  [[nodiscard]] static std::string field(std::string_view message, char which) {
    const std::string begin = std::string(1, which) + "=";
    std::size_t at = message.starts_with(begin) ? 0 : message.find("," + begin);
    if (at == std::string_view::npos) return {};
    at += at == 0 && message.starts_with(begin) ? 2 : 3;
    return std::string(message.substr(at, message.find(',', at) - at));
  }

  // `extra`: what stands between nonce and proof.
  [[nodiscard]] std::string final(std::string_view server_first, const std::string& extra = {}) const {
    return final_with(server_first, "c=" + auth::base64(gs2 + binding) + ",r=" + field(server_first, 'r') + extra);
  }
  [[nodiscard]] std::string final_with(std::string_view server_first, const std::string& without_proof) const {
    const auth::ScramKey password_key = salted(server_first);
    const auth::ScramKey client_key = auth::hmac_sha256(auth::as_bytes(password_key), "Client Key");
    const std::string stored_key(auth::as_bytes(auth::sha256(auth::as_bytes(client_key))));
    const auth::ScramKey signature = auth::hmac_sha256(stored_key, message(server_first, without_proof));
    return without_proof + ",p=" + auth::base64(auth::as_bytes(exclusive_or(client_key, signature)));
  }
  // What the server has to say in the end.
  [[nodiscard]] std::string verdict(std::string_view server_first, std::string_view client_final) const {
    const auth::ScramKey server_key = auth::hmac_sha256(auth::as_bytes(salted(server_first)), "Server Key");
    const std::string without_proof(client_final.substr(0, client_final.rfind(",p=")));
    return "v=" + auth::base64(auth::as_bytes(
                      auth::hmac_sha256(auth::as_bytes(server_key), message(server_first, without_proof))));
  }

 private:
  [[nodiscard]] auth::ScramKey salted(std::string_view server_first) const {
    return salted_password(password, auth::read_base64(field(server_first, 's')).value_or(""),
                           static_cast<std::uint32_t>(std::stoul(field(server_first, 'i'))));
  }
  [[nodiscard]] std::string message(std::string_view server_first, const std::string& without_proof) const {
    return first_bare() + "," + std::string(server_first) + "," + without_proof;
  }
};

}  // namespace sluice::testing
