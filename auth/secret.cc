#include "auth/secret.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "auth/text.h"

namespace sluice::auth {

std::optional<Name> Name::make(std::string_view text) {
  if (text.empty() || text.size() > kNameOctetsMax || !is_clean_text(text)) return std::nullopt;
  return Name(text);
}

std::string Name::folded() const { return login_key(text_); }

std::optional<Secret> Secret::make(std::string_view text) {
  if (text.empty() || text.size() > kSecretOctetsMax || !is_clean_text(text)) return std::nullopt;
  return Secret(text);
}

Secret::Secret(std::string_view text)
    : octets_(std::make_unique_for_overwrite<char[]>(text.size())), size_(text.size()) {
  std::ranges::copy(text, octets_.get());
}

Secret::Secret(Secret&& other) noexcept : octets_(std::move(other.octets_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    octets_ = std::move(other.octets_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Secret::~Secret() { wipe(); }

void Secret::wipe() {
  if (octets_ != nullptr) wipe_octets(octets_.get(), size_);
}

void wipe_octets(void* octets, std::size_t size) { sodium_memzero(octets, size); }

}  // namespace sluice::auth
