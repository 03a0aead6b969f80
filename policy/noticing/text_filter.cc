#include "policy/noticing/text_filter.h"

#include <bit>
#include <cstring>

#include "engine/base/ascii.h"

namespace sluice::noticing {
namespace {

constexpr std::size_t kNameBytes = sizeof(std::uint64_t);

// A name as its first letters are gathered: each in front of the last.
constexpr std::uint64_t packed(std::string_view name) {
  std::uint64_t value = 0;
  for (const char c : name) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

bool opens_tag(char c) {
  const char small = to_lower(c);
  return (small >= 'a' && small <= 'z') || c == '/' || c == '!' || c == '?';
}

std::uint64_t brackets_of(const char* block) { return TextBlock(block).either('<', '>'); }

// Whether a tag may be that of style or script; others that begin so are among those.
bool may_hide(const char* tag) {
  std::uint64_t name = 0;
  std::memcpy(&name, tag, sizeof name);
  const auto begins = [name](std::uint64_t wanted, unsigned letters) {
    constexpr std::uint64_t kLowerCase = 0x2020202020202020U;
    return ((name | kLowerCase) << (64 - 8 * letters)) == std::byteswap(wanted);
  };
  return begins(packed("style"), 5) || begins(packed("script"), 6);
}

}  // namespace

std::size_t TextFilter::keep(std::string_view& rest, char* out, std::size_t room) {
  std::size_t kept = 0;
  while (!rest.empty() && kept < room) {
    if (at_ == At::text && !hidden_ && rest.size() >= 2 * kBlockBytes)
      kept += keep_blocks(rest, out + kept, room - kept);
    if (at_ != At::text) {
      skip(rest);
    } else if (kept < room) {
      kept += keep_run(rest, out + kept, room - kept);
    }
  }
  return kept;
}

// Up to the next "<".
std::size_t TextFilter::keep_run(std::string_view& rest, char* out, std::size_t room) {
  const std::string_view looked_at = hidden_ ? rest : rest.substr(0, room);
  const void* const found = std::memchr(looked_at.data(), '<', looked_at.size());
  const std::size_t size =
      found != nullptr ? static_cast<std::size_t>(static_cast<const char*>(found) - rest.data()) : looked_at.size();
  if (!hidden_) std::memcpy(out, rest.data(), size);
  rest.remove_prefix(size);
  if (found != nullptr) {
    rest.remove_prefix(1);
    at_ = At::opened;
  }
  return hidden_ ? 0 : size;
}

// The same for nearly all texts, a block at a time: up to a tag of style or script, or one that does not end
// within the piece, or to the last blocks of the piece.  Without a branch that cannot be foretold for each byte, tag or
// run.  A block is copied whole, and what follows is written over what was too much.
std::size_t TextFilter::keep_blocks(std::string_view& rest, char* out, std::size_t room) {
  const char* const end = rest.data() + rest.size();
  const char* const last = end - 2 * kBlockBytes;  // behind it whole blocks cannot be copied from each byte
  char* to = out;
  const char* const full = out + room;
  const char* block = rest.data();
  const char* text = block;
  std::uint64_t brackets = brackets_of(block);
  const auto leave = [&](const char* at) {
    rest.remove_prefix(static_cast<std::size_t>(at - rest.data()));
    return static_cast<std::size_t>(to - out);
  };
  while (true) {
    if (brackets == 0) {
      if (text == block) return leave(text);
      std::memcpy(to, text, kBlockBytes);
      to += block + kBlockBytes - text;
      text = block += kBlockBytes;
      if (block > last || to >= full) return leave(text);
      brackets = brackets_of(block);
      continue;
    }
    const char* const bracket = block + std::countr_zero(brackets);
    brackets &= brackets - 1;
    if (*bracket != '<') [[unlikely]]
      continue;
    std::memcpy(to, text, kBlockBytes);
    to += bracket - text;
    const char* const tag = text = bracket + 1;
    if (!opens_tag(*tag)) [[unlikely]]
      continue;
    at_ = At::opened;
    if (may_hide(tag)) [[unlikely]]
      return leave(tag);
    do {
      while (brackets == 0) {
        block += kBlockBytes;
        if (block > last || to >= full || block > tag + kTagBytesMax - kNameBytes - kBlockBytes) return leave(tag);
        brackets = brackets_of(block);
      }
      text = block + std::countr_zero(brackets) + 1;
      brackets &= brackets - 1;
    } while (text[-1] != '>');
    at_ = At::text;
  }
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
    const char c = to_lower(rest.front());
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
