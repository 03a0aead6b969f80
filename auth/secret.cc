#include "auth/secret.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "auth/text.h"

namespace sluice::auth {

std::optional<Name> Name::make(std::string_view text) {
  if (text.empty() || text.size() > kNameBytesMax || !is_clean_text(text)) return std::nullopt;
  return Name(text);
}

std::string Name::folded() const { return login_key(text_); }

std::optional<Secret> Secret::make(std::string_view text) {
  if (text.empty() || text.size() > kSecretBytesMax || !is_clean_text(text)) return std::nullopt;
  return Secret(text);
}

std::optional<Secret> Secret::make_token(std::string_view text) {
  static constexpr std::string_view kMarks = "-._~+/";
  const std::string_view body = text.substr(0, text.find_last_not_of('=') + 1);
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  };
  if (body.empty() || text.size() > kTokenBytesMax || !std::ranges::all_of(body, allowed)) return std::nullopt;
  return Secret(text);
}

Secret::Secret(std::string_view text)
    : bytes_(std::make_unique_for_overwrite<char[]>(text.size())), size_(text.size()) {
  std::ranges::copy(text, bytes_.get());
}

Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Secret::~Secret() { wipe(); }

void Secret::wipe() {
  if (bytes_ != nullptr) wipe_bytes(bytes_.get(), size_);
}

void wipe_bytes(void* bytes, std::size_t size) { sodium_memzero(bytes, size); }

}  // namespace sluice::auth
