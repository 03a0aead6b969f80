#include "auth/store/device_cram_md5.h"

#include <sodium.h>

#include "auth/device_password.h"
#include "auth/secret.h"
#include "auth/store/hmac_md5.h"

namespace sluice::auth {
namespace {

std::string text_of(std::string_view spelling) { return hmac_md5_text(hmac_md5_states(spelling)); }

bool answers(std::string_view kept, std::string_view challenge, const Md5Digest& digest) {
  const auto states = read_hmac_md5_text(kept);
  if (!states) return false;
  const Md5Digest right = hmac_md5(*states, challenge);
  return sodium_memcmp(right.data(), digest.data(), right.size()) == 0;
}

}  // namespace

constinit const std::string_view kNobodysCramMd5 =
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00"
    "000000000000";

std::string device_cram_md5(std::string_view password) {
  std::string shown = shown_device_password(password);
  std::string kept = text_of(password) + text_of(shown);
  wipe_bytes(shown.data(), shown.size());
  return kept;
}

bool answers_cram_md5(std::string_view kept, std::string_view challenge, std::string_view digest) {
  const auto bytes = read_md5_digest(digest);
  if (!bytes || kept.size() != 2 * kHmacMd5TextBytes) return false;
  const bool bare = answers(kept.substr(0, kHmacMd5TextBytes), challenge, *bytes);
  const bool shown = answers(kept.substr(kHmacMd5TextBytes), challenge, *bytes);
  return bare || shown;
}

}  // namespace sluice::auth
