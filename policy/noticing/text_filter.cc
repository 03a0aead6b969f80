#include "policy/noticing/text_filter.h"

#include <algorithm>
#include <cstring>

namespace sluice::noticing {
namespace {

constexpr std::size_t kNameBytes = sizeof(std::uint64_t);

// A name as its first letters are gathered: each in front of the last.
constexpr std::uint64_t packed(std::string_view name) {
  std::uint64_t value = 0;
  for (const char c : name) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool opens_tag(char c) {
  const char small = lower(c);
  return (small >= 'a' && small <= 'z') || c == '/' || c == '!' || c == '?';
}

}  // namespace

std::string_view TextFilter::next(std::string_view& rest) {
  while (!rest.empty()) {
    if (at_ != At::text) {
      skip(rest);
      continue;
    }
    const void* const found = std::memchr(rest.data(), '<', rest.size());
    const std::size_t size =
        found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - rest.data()) : rest.size();
    const std::string_view text = rest.substr(0, size);
    rest.remove_prefix(size);
    if (found != nullptr) {
      rest.remove_prefix(1);
      at_ = At::opened;
    }
    if (!hidden_ && !text.empty()) return text;
  }
  return {};
}

void TextFilter::skip(std::string_view& rest) {
  if (at_ == At::opened) {
    at_ = opens_tag(rest.front()) ? At::tag : At::text;
    length_ = 0;
    name_ = 0;
    return;
  }
  if (length_ < kNameBytes) skip_name(rest);
  if (rest.empty()) return;
  const std::string_view looked_at = rest.substr(0, kTagBytesMax - length_);
  const void* const found = std::memchr(looked_at.data(), '>', looked_at.size());
  const std::size_t size =
      found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - rest.data()) : looked_at.size();
  rest.remove_prefix(size);
  length_ = static_cast<std::uint16_t>(length_ + size);
  if (found != nullptr) rest.remove_prefix(1);
  if (found != nullptr || length_ >= kTagBytesMax) end_tag();
}

// Its first letters, of which only those of style and script matter.
void TextFilter::skip_name(std::string_view& rest) {
  for (; length_ < kNameBytes && !rest.empty(); ++length_) {
    const char c = lower(rest.front());
    name_ = name_ << 8 | static_cast<unsigned char>(c);
    if (length_ == 0 && c != '/' && c != 's') break;
    if (length_ > 0 && (c < 'a' || c > 'z')) {
      name_ >>= 8;
      break;
    }
    rest.remove_prefix(1);
  }
  if (!rest.empty()) length_ = kNameBytes;
}

void TextFilter::end_tag() {
  at_ = At::text;
  if (name_ == packed("style") || name_ == packed("script")) hidden_ = true;
  if (name_ == packed("/style") || name_ == packed("/script")) hidden_ = false;
}

}  // namespace sluice::noticing
