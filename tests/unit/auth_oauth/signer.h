// Keys of an issuer that a test plays, and tokens that they sign, by libcjose.
#pragma once

#include <cjose/base64.h>
#include <cjose/header.h>
#include <cjose/jwk.h>
#include <cjose/jws.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "auth/oauth/json.h"
#include "auth/oauth/options.h"
#include "auth/secret.h"

namespace sluice::auth {

inline std::string base64url(std::string_view bytes) {
  char* text = nullptr;
  std::size_t size = 0;
  cjose_err error{};
  EXPECT_TRUE(
      cjose_base64url_encode(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), &text, &size, &error));
  std::string encoded(text, size);
  std::free(text);
  return encoded;
}

class Signer {
 public:
  static Signer rsa(std::string id, std::size_t bits = 2048) {
    cjose_err error{};
    const std::uint8_t exponent[] = {1, 0, 1};
    return {std::move(id), cjose_jwk_create_RSA_random(bits, exponent, sizeof exponent, &error)};
  }
  static Signer ec(std::string id, cjose_jwk_ec_curve curve = CJOSE_JWK_EC_P_256) {
    cjose_err error{};
    return {std::move(id), cjose_jwk_create_EC_random(curve, &error)};
  }
  // A secret, which no issuer's key set has.
  static Signer secret(std::string id, std::string_view bytes) {
    cjose_err error{};
    return {std::move(id),
            cjose_jwk_create_oct_spec(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), &error)};
  }

  // As a member of a key set; `more` begins with a comma where there is more.
  [[nodiscard]] std::string jwk(std::string_view more = R"(,"use":"sig")", bool with_private = false) const {
    cjose_err error{};
    char* const text = cjose_jwk_to_json(key_.get(), with_private, &error);
    std::string json(text);
    std::free(text);
    json.pop_back();
    if (!id_.empty() && json.find("\"kid\"") == std::string::npos) json += ",\"kid\":\"" + id_ + "\"";
    return json.append(more) + "}";
  }
  // In compact form; the header as it stands.
  [[nodiscard]] std::string sign(const std::string& header, std::string_view payload) const {
    cjose_err error{};
    const JsonRef json(json_loads(header.c_str(), 0, nullptr));
    EXPECT_NE(json, nullptr) << header;
    cjose_jws_t* const jws =
        cjose_jws_sign(key_.get(), reinterpret_cast<cjose_header_t*>(json.get()),
                       reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size(), &error);
    EXPECT_NE(jws, nullptr) << header << ": " << error.message;
    if (jws == nullptr) return {};
    const char* compact = nullptr;
    EXPECT_TRUE(cjose_jws_export(jws, &compact, &error));
    std::string token(compact);
    cjose_jws_release(jws);
    return token;
  }
  // With its id and that algorithm.
  [[nodiscard]] std::string token(std::string_view algorithm, std::string_view payload) const {
    std::string header = R"({"alg":")" + std::string(algorithm) + "\"";
    if (!id_.empty()) header += R"(,"kid":")" + id_ + "\"";
    return sign(header + "}", payload);
  }

 private:
  struct Release {
    void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  };
  Signer(std::string id, cjose_jwk_t* key) : id_(std::move(id)), key_(key) { EXPECT_NE(key, nullptr); }
  std::string id_;
  std::unique_ptr<cjose_jwk_t, Release> key_;
};

// Made once; they take their time.
inline const Signer& rsa_signer() {
  static const Signer signer = Signer::rsa("rsa-1");
  return signer;
}
inline const Signer& ec_signer() {
  static const Signer signer = Signer::ec("ec-1");
  return signer;
}

inline std::string key_set_of(std::initializer_list<std::string> keys) {
  std::string text;
  for (const std::string& key : keys) text += (text.empty() ? "" : ",") + key;
  return R"({"keys":[)" + text + "]}";
}

inline constexpr WallMillis kTokenNow = 1'800'000'000'000;

inline TokenRules rules_of_tests() {
  TokenRules rules;
  rules.issuer = "https://issuer.example/";
  rules.audiences = {"smtp.example", "other"};
  rules.scope = "smtp";
  return rules;
}

// A payload that is as it must be, with what a test says of it: "" takes a claim away, else it is the value as JSON.
inline std::string claims_with(std::string_view name = {}, std::string_view value = {}) {
  std::string text;
  bool replaced = name.empty();
  const auto add = [&](std::string_view claim, std::string_view of) {
    if (!of.empty()) text.append(text.empty() ? "{" : ",").append("\"").append(claim).append("\":").append(of);
  };
  for (const auto& [claim, of] : {std::pair<std::string_view, std::string_view>{"iss", R"("https://issuer.example/")"},
                                  {"aud", R"(["elsewhere","smtp.example"])"},
                                  {"exp", "1800000600"},
                                  {"nbf", "1799999000"},
                                  {"scope", R"("openid smtp email")"},
                                  {"email", R"("tim@example.com")"}}) {
    add(claim, claim == name ? value : of);
    replaced = replaced || claim == name;
  }
  if (!replaced) add(name, value);
  return text + "}";
}

}  // namespace sluice::auth
