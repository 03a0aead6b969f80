#include "policy/noticing/text_filter.h"

#include <cstring>

#include "engine/base/ascii.h"
#include "policy/noticing/text_marks.h"

namespace sluice::noticing {

std::size_t TextFilter::keep(std::string_view& rest, char* out, std::size_t room) {
  std::size_t kept = 0;
  while (!rest.empty() && kept < room) {
    if (at_ == At::text && !hidden_ && rest.size() >= 2 * kBlockBytes) {
      bool opened = false;
      kept += loops_->keep_text(rest, out + kept, room - kept, opened);
      if (opened) at_ = At::opened;
    }
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

void TextFilter::skip(std::string_view& rest) {
  if (at_ == At::opened) {
    at_ = opens_tag(rest.front()) ? At::tag : At::text;
    length_ = 0;
    name_ = 0;
    return;
  }
  if (length_ < kTagNameBytes) skip_name(rest);
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
  for (; length_ < kTagNameBytes && !rest.empty(); ++length_) {
    const char c = to_lower(rest.front());
    name_ = name_ << 8 | static_cast<unsigned char>(c);
    if (length_ == 0 && c != '/' && c != 's') break;
    if (length_ > 0 && (c < 'a' || c > 'z')) {
      name_ >>= 8;
      break;
    }
    rest.remove_prefix(1);
  }
  if (!rest.empty()) length_ = kTagNameBytes;
}

void TextFilter::end_tag() {
  at_ = At::text;
  if (name_ == packed_name("style") || name_ == packed_name("script")) hidden_ = true;
  if (name_ == packed_name("/style") || name_ == packed_name("/script")) hidden_ = false;
}

}  // namespace sluice::noticing
