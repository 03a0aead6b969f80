#include "auth/backend/login_dialog.h"

#include <sodium.h>

#include <algorithm>

#include "auth/backend/response_code.h"
#include "auth/secret.h"

namespace sluice::auth {

DialogStep LoginDialog::end(Verdict::Kind kind, std::string_view reason) {
  verdict_ = kind;
  reason_ = reason;
  return {.kind = DialogStep::Kind::done};
}

DialogStep LoginDialog::refused(std::string_view text, bool shown) {
  const Refusal refusal = judge_refusal(text);
  if (refusal.kind == Verdict::Kind::granted && !shown)
    return end(Verdict::Kind::unavailable, "grants a login that was not tried yet");
  if (refusal.kind != Verdict::Kind::unavailable) return end(refusal.kind);
  return end(Verdict::Kind::unavailable, "refuses all logins for now: [" + std::string(refusal.code) + "]");
}

std::string string_for_secret(std::size_t size) {
  constexpr std::size_t kOnTheHeap = 64;
  std::string text;
  text.reserve(std::max(size, kOnTheHeap));
  return text;
}

std::string sasl_plain_response(const Credentials& credentials) {
  const std::string& name = credentials.name.text();
  const std::string_view secret = credentials.secret.reveal();
  std::string message = string_for_secret(name.size() + secret.size() + 2);
  message.append(1, '\0').append(name).append(1, '\0').append(secret);
  const std::size_t with_nul = sodium_base64_ENCODED_LEN(message.size(), sodium_base64_VARIANT_ORIGINAL);
  std::string response = string_for_secret(with_nul + 2);
  response.resize(with_nul);
  sodium_bin2base64(response.data(), with_nul, reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  response.pop_back();
  wipe_bytes(message.data(), message.size());
  return response;
}

std::string quoted_for_log(std::string_view text) {
  constexpr std::size_t kShownMax = 100;
  std::string shown = "\"";
  for (const char c : text.substr(0, kShownMax)) shown += c >= ' ' && c <= '~' ? c : '?';
  return shown + "\"";
}

}  // namespace sluice::auth
