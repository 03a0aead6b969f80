#include "engine/dkim/signature_field.h"

#include <algorithm>

#include "engine/smtp/base64.h"

namespace sluice::dkim {
namespace {

constexpr std::size_t kLineBytesMax = 78;  // RFC 5322 2.1.1: "SHOULD be no more than 78 characters, excluding the CRLF"

std::string_view text_of(std::span<const unsigned char> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Writes to the end of a text, in lines that are not longer than they should be.
class FoldedLines {
 public:
  // Goes on behind what `out` ends with.
  explicit FoldedLines(std::string& out) : out_(out) {
    const std::size_t line_feed = out.rfind('\n');
    line_ = line_feed == std::string::npos ? 0 : line_feed + 1;
  }

  // After a blank, in this line or the next one.
  template <typename... Parts>
  void add_word(const Parts&... parts) {
    const std::size_t size = 1 + (size_of(parts) + ...);
    if (out_.size() - line_ + size > kLineBytesMax) end_line();
    out_ += ' ';
    (add(parts), ...);
  }
  // Without a blank, in this line or the next one.
  template <typename... Parts>
  void add_piece(const Parts&... parts) {
    const std::size_t size = (size_of(parts) + ...);
    if (out_.size() - line_ + size > kLineBytesMax) {
      end_line();
      out_ += ' ';
    }
    (add(parts), ...);
  }
  // In as many lines as it takes.
  void add_divided(std::string_view text) {
    while (!text.empty()) {
      const std::size_t column = out_.size() - line_;
      const std::size_t size = column < kLineBytesMax ? std::min(text.size(), kLineBytesMax - column) : 1;
      add_piece(text.substr(0, size));
      text.remove_prefix(size);
    }
  }

 private:
  static constexpr std::size_t size_of(std::string_view text) { return text.size(); }
  static constexpr std::size_t size_of(char /*c*/) { return 1; }
  static constexpr std::size_t size_of(const Digest& digest) { return smtp::base64_encoded_bytes(digest.size()); }
  void add(std::string_view text) { out_ += text; }
  void add(char c) { out_ += c; }
  void add(const Digest& digest) { smtp::append_base64(text_of(digest), out_); }
  void end_line() {
    out_ += "\r\n";
    line_ = out_.size();
  }

  std::string& out_;
  std::size_t line_;  // where the line at hand begins
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
  out += "DKIM-Signature:";
  FoldedLines lines(out);
  lines.add_word("v=1;");
  lines.add_word("a=", name(tags.algorithm), ';');
  lines.add_word("c=", name(tags.header), '/', name(tags.body), ';');
  lines.add_word("d=", tags.signatory->domain, ';');
  lines.add_word("s=", tags.signatory->selector, ';');
  if (tags.signed_at_s) lines.add_word("t=", std::to_string(*tags.signed_at_s), ';');
  if (tags.expires_at_s) lines.add_word("x=", std::to_string(*tags.expires_at_s), ';');
  if (!tags.signatory->agent.empty()) lines.add_word("i=", tags.signatory->agent, ';');
  add_header_names(tags.header_names, lines);
  lines.add_word("bh=", tags.body_hash, ';');
  lines.add_word("b=");
}

void append_signature_field(std::string_view unsigned_field, const Signature& signature, std::string& out) {
  out += unsigned_field;
  std::string base64;
  smtp::append_base64(text_of(signature.bytes()), base64);
  FoldedLines(out).add_divided(base64);
  out += "\r\n";
}

}  // namespace sluice::dkim
