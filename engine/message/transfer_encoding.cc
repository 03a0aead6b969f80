#include "engine/message/transfer_encoding.h"

#include <algorithm>
#include <utility>

#include "engine/smtp/base64.h"

namespace sluice::message {
namespace {

constexpr std::size_t kLineMax = 76;
constexpr std::string_view kHex = "0123456789ABCDEF";

}  // namespace

void append_escaped_byte(char c, std::string& out) {
  const auto byte = static_cast<unsigned char>(c);
  (out += '=').append({kHex[byte >> 4U], kHex[byte & 15U]});
}

void QuotedPrintable::put(char c, bool plain, std::string& out) {
  const std::size_t size = plain ? 1 : 3;
  // The last column is for the "=" of a soft line break.
  if (column_ + size > kLineMax - 1) {
    out += "=\r\n";
    column_ = 0;
  }
  column_ += size;
  if (plain) {
    out += c;
    return;
  }
  append_escaped_byte(c, out);
}

// "Bytes with values of 9 and 32 ... MUST NOT be so represented at the end of an encoded line".
void QuotedPrintable::flush_space(bool at_end, std::string& out) {
  if (space_ != 0) put(std::exchange(space_, '\0'), !at_end, out);
}

void QuotedPrintable::text(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    flush_space(false, out);
    if (c == ' ' || c == '\t') {
      space_ = c;
      continue;
    }
    const bool first_of_line = column_ == 0 && (c == '.' || c == 'F');
    put(c, c > ' ' && c <= '~' && c != '=' && !first_of_line, out);
  }
}

void QuotedPrintable::line_end(std::string& out) {
  flush_space(true, out);
  out += "\r\n";
  column_ = 0;
}

void QuotedPrintable::finish(std::string& out) { flush_space(true, out); }

void Base64Lines::put_line(std::string& out) {
  if (std::exchange(any_, true)) out += "\r\n";
  smtp::append_base64({line_.data(), size_}, out);
  size_ = 0;
}

void Base64Lines::add(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    // A full line waits for what comes behind it, so that the last one has no line end.
    if (size_ == kLineBytes) put_line(out);
    const std::size_t count = std::min(bytes.size(), kLineBytes - size_);
    std::copy_n(bytes.begin(), count, line_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += count;
    bytes.remove_prefix(count);
  }
}

void Base64Lines::finish(std::string& out) {
  if (size_ > 0) put_line(out);
}

}  // namespace sluice::message
