#include "engine/dkim/signature_field.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "engine/base/check.h"
#include "engine/smtp/base64.h"

namespace sluice::dkim {
namespace {

constexpr std::size_t kLineBytesMax = 78;  // RFC 5322 2.1.1: "SHOULD be no more than 78 characters, excluding the CRLF"

std::string_view text_of(std::span<const unsigned char> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Writes lines that are not longer than they should be.
class FoldedLines {
 public:
  // What may be put before each word or piece.
  static constexpr std::size_t kFoldBytes = 3;

  // Goes on at `at`, in a line that began at `line`, and has room until `end`.
  FoldedLines(const char* line, char* at, const char* end) : line_(line), at_(at), end_(end) {}

  // After a blank, in this line or the next one.
  template <typename... Parts>
  void add_word(const Parts&... parts) {
    if (column() + 1 + (size_of(parts) + ...) > kLineBytesMax) end_line();
    add(' ');
    (add(parts), ...);
  }
  // Without a blank, in this line or the next one.
  template <typename... Parts>
  void add_piece(const Parts&... parts) {
    if (column() + (size_of(parts) + ...) > kLineBytesMax) {
      end_line();
      add(' ');
    }
    (add(parts), ...);
  }
  // In as many lines as it takes.
  void add_divided(std::string_view text) {
    while (!text.empty()) {
      const std::size_t size = column() < kLineBytesMax ? std::min(text.size(), kLineBytesMax - column()) : 1;
      add_piece(text.substr(0, size));
      text.remove_prefix(size);
    }
  }
  // The end of what was written.
  [[nodiscard]] const char* at() const { return at_; }

 private:
  static constexpr std::size_t size_of(std::string_view text) { return text.size(); }
  static constexpr std::size_t size_of(char /*c*/) { return 1; }
  static constexpr std::size_t size_of(const Digest& digest) { return smtp::base64_encoded_bytes(digest.size()); }
  [[nodiscard]] std::size_t column() const { return static_cast<std::size_t>(at_ - line_); }
  void check_room(std::size_t size) const { CHECK(size <= static_cast<std::size_t>(end_ - at_)); }
  void add(std::string_view text) {
    check_room(text.size());
    at_ = std::copy(text.begin(), text.end(), at_);
  }
  void add(char c) {
    check_room(1);
    *at_++ = c;
  }
  void add(const Digest& digest) {
    check_room(size_of(digest));
    at_ = smtp::write_base64(text_of(digest), at_);
  }
  void end_line() {
    add("\r\n");
    line_ = at_;
  }

  const char* line_;  // where the line at hand begins
  char* at_;
  const char* end_;
};

// Appends to `out`, in place, what write(lines) writes, `size` bytes at most.
template <typename Write>
void append_lines(std::size_t size, std::string& out, const Write& write) {
  const std::size_t begin = out.size();
  const std::size_t line_feed = out.rfind('\n');
  const std::size_t line = line_feed == std::string::npos ? 0 : line_feed + 1;
  out.resize_and_overwrite(begin + size, [&](char* bytes, std::size_t room) {
    FoldedLines lines(bytes + line, bytes + begin, bytes + room);
    write(lines);
    return static_cast<std::size_t>(lines.at() - bytes);
  });
}

// Seconds since 1970 in digits.
class Digits {
 public:
  explicit Digits(std::int64_t value)
      : size_(static_cast<std::size_t>(std::to_chars(text_.begin(), text_.end(), value).ptr - text_.begin())) {}
  [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, std::numeric_limits<std::int64_t>::digits10 + 2> text_;
  std::size_t size_;
};

void add_header_names(std::span<const std::string_view> names, FoldedLines& lines) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const char end = i + 1 < names.size() ? ':' : ';';
    if (i == 0)
      lines.add_word("h=", names[i], end);
    else
      lines.add_piece(names[i], end);
  }
}

}  // namespace

void append_unsigned_field(const SignatureTags& tags, std::string& out) {
  constexpr std::size_t kOtherBytes = 256;  // the tags that have one size, t= and x=, and their folds
  const Signatory::Tags& signatory = *tags.signatory;
  std::size_t size = kOtherBytes + signatory.domain.size() + signatory.selector.size() + signatory.agent.size();
  for (const std::string_view header_name : tags.header_names) size += header_name.size() + 1 + FoldedLines::kFoldBytes;
  append_lines(size, out, [&](FoldedLines& lines) {
    lines.add_piece(kSignatureFieldName, ':');
    lines.add_word("v=1;");
    lines.add_word("a=", name(tags.algorithm), ';');
    lines.add_word("c=", name(tags.header), '/', name(tags.body), ';');
    lines.add_word("d=", signatory.domain, ';');
    lines.add_word("s=", signatory.selector, ';');
    if (tags.signed_at_s) lines.add_word("t=", Digits(*tags.signed_at_s).text(), ';');
    if (tags.expires_at_s) lines.add_word("x=", Digits(*tags.expires_at_s).text(), ';');
    if (!signatory.agent.empty()) lines.add_word("i=", signatory.agent, ';');
    add_header_names(tags.header_names, lines);
    lines.add_word("bh=", tags.body_hash, ';');
    lines.add_word("b=");
  });
}

void append_signature_field(std::string_view unsigned_field, const Signature& signature, std::string& out) {
  out += unsigned_field;
  std::string base64;
  smtp::append_base64(text_of(signature.bytes()), base64);
  const std::size_t folds = base64.size() / (kLineBytesMax - 1) + 2;
  append_lines(base64.size() + folds * FoldedLines::kFoldBytes, out,
               [&](FoldedLines& lines) { lines.add_divided(base64); });
  out += "\r\n";
}

}  // namespace sluice::dkim
