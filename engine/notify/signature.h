// Signatures of webhooks as Standard Webhooks has them (standardwebhooks.com), with a secret that both ends have: the
// receiver computes HMAC-SHA256 over "ID.TIMESTAMP.BODY", and takes nothing that is old.  Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sluice::notify {

// Wiped when it goes; cannot be copied or printed.
class WebhookSecret {
 public:
  // "whsec_" and 24 to 64 bytes in base64, with blanks and line ends behind.  The error is a sentence that shows
  // nothing of the text.
  [[nodiscard]] static std::expected<WebhookSecret, std::string> make(std::string_view text);

  WebhookSecret(WebhookSecret&& other) noexcept = default;
  WebhookSecret& operator=(WebhookSecret&& other) noexcept = default;
  WebhookSecret(const WebhookSecret&) = delete;
  WebhookSecret& operator=(const WebhookSecret&) = delete;
  ~WebhookSecret();

  // The value of the field webhook-signature.
  [[nodiscard]] std::string sign(std::string_view id, std::int64_t timestamp_s, std::string_view body) const;

 private:
  explicit WebhookSecret(std::string key) : key_(std::move(key)) {}
  std::string key_;  // longer than what a string holds in itself, so that moving it leaves no copy
};

}  // namespace sluice::notify
