#include "engine/message/mime_header.h"

#include <algorithm>
#include <optional>

#include "engine/base/domain_name.h"
#include "engine/message/transfer_encoding.h"
#include "engine/smtp/ascii.h"

namespace sluice::message {
namespace {

constexpr std::string_view kType = "Content-Type";
constexpr std::string_view kEncoding = "Content-Transfer-Encoding";
constexpr std::string_view kVersion = "MIME-Version";
// RFC 2046 5.1.1 has 70; a line that is a boundary is looked for in lines up to some more than this.
constexpr std::size_t kBoundaryBytesMax = 200;
constexpr std::size_t kEncodedWordBytesMax = 75;
constexpr std::size_t kWholeWordBytesMax = 512;  // what is longer is taken for none

// One field with its continuations and line ends, taken off `header`.
std::string_view take_field(std::string_view& header) {
  std::size_t end = 0;
  do {
    const std::size_t line = header.find("\r\n", end);
    end = line == std::string_view::npos ? header.size() : line + 2;
  } while (end < header.size() && (header[end] == ' ' || header[end] == '\t'));
  const std::string_view field = header.substr(0, end);
  header.remove_prefix(end);
  return field;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && smtp::is_folding_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && smtp::is_folding_space(text.back())) text.remove_suffix(1);
  return text;
}

// The value, if the field has that name.
std::optional<std::string_view> value_of(std::string_view field, std::string_view name) {
  if (!smtp::starts_with_ignore_case(field, name)) return std::nullopt;
  field.remove_prefix(name.size());
  while (field.starts_with(' ') || field.starts_with('\t')) field.remove_prefix(1);
  if (!field.starts_with(':')) return std::nullopt;
  return trimmed(field.substr(1));
}

bool is_token(char c) { return c > ' ' && c < 0x7f && !std::string_view("()<>@,;:\\\"[]?=").contains(c); }

// Goes over the parameters of a Content-Type.
class Parameters {
 public:
  explicit Parameters(std::string_view rest) : rest_(rest) {}

  // False: there is none any more.
  bool next(std::string& name, std::string& value) {
    for (;;) {
      skip();
      if (rest_.empty()) return false;
      if (rest_.front() != ';') {
        rest_.remove_prefix(1);
        continue;
      }
      rest_.remove_prefix(1);
      skip();
      name = smtp::to_lower(token());
      skip();
      if (!rest_.starts_with('=')) continue;
      rest_.remove_prefix(1);
      skip();
      value = rest_.starts_with('"') ? quoted() : std::string(token());
      return true;
    }
  }

 private:
  // White space and comments.
  void skip() {
    std::size_t depth = 0;
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == '(') ++depth;
      if (depth == 0 && !smtp::is_folding_space(c)) return;
      if (c == ')' && depth > 0) --depth;
      rest_.remove_prefix(c == '\\' && rest_.size() > 1 ? 2 : 1);
    }
  }
  std::string_view token() {
    const auto* const past = std::ranges::find_if_not(rest_, is_token);
    const std::string_view found = rest_.substr(0, static_cast<std::size_t>(past - rest_.begin()));
    rest_.remove_prefix(found.size());
    return found;
  }
  std::string quoted() {
    std::string text;
    rest_.remove_prefix(1);
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      if (rest_.front() != '\r' && rest_.front() != '\n') text += rest_.front();
      rest_.remove_prefix(1);
    }
    if (!rest_.empty()) rest_.remove_prefix(1);
    return text;
  }

  std::string_view rest_;
};

void read_type(std::string_view value, MimeHeader& header) {
  const auto* const past =
      std::ranges::find_if(value, [](char c) { return smtp::is_folding_space(c) || c == ';' || c == '('; });
  const auto size = static_cast<std::size_t>(past - value.begin());
  const std::string type = smtp::to_lower(value.substr(0, size));
  header.has_type = true;
  header.kind = type.starts_with("text/")  ? MimeKind::text
                : type == "message/rfc822" ? MimeKind::message
                                           : MimeKind::other;
  if (!type.starts_with("multipart/")) return;
  Parameters parameters(value.substr(size));
  std::string name;
  std::string text;
  while (header.boundary.empty() && parameters.next(name, text))
    if (name == "boundary") header.boundary = text;
  while (header.boundary.ends_with(' ')) header.boundary.pop_back();
  const bool usable = !header.boundary.empty() && header.boundary.size() <= kBoundaryBytesMax;
  header.kind = usable ? MimeKind::multipart : MimeKind::other;
  header.is_digest = type == "multipart/digest";
}

TransferEncoding encoding_named(std::string_view value) {
  const std::string_view name = value.substr(0, value.find_first_of(" \t;("));
  if (smtp::equals_ignore_case(name, "quoted-printable")) return TransferEncoding::quoted_printable;
  if (smtp::equals_ignore_case(name, "base64")) return TransferEncoding::base64;
  if (smtp::equals_ignore_case(name, "8bit") || smtp::equals_ignore_case(name, "binary"))
    return TransferEncoding::eight_bit;
  return TransferEncoding::identity;
}

// `blanks`: what parts it from the encoded word before, which readers leave out (RFC 2047 6.2), so that they come with
// it. RFC 2047 2: of at most 75 bytes each, where there are several with `between` them: a line end, or a space.
void append_encoded_word(std::string_view word, std::size_t blanks, std::string_view between, std::string& out) {
  const bool utf8 = smtp::is_clean_utf8(word);
  const std::string_view begin = utf8 ? "=?utf-8?Q?" : "=?unknown-8bit?Q?";
  out += begin;
  out.append(blanks, '_');
  std::size_t size = begin.size() + blanks;
  while (!word.empty()) {
    const std::string_view piece = word.substr(0, utf8 ? std::max<std::size_t>(smtp::utf8_sequence(word), 1) : 1);
    word.remove_prefix(piece.size());
    if (size + 3 * piece.size() + 2 > kEncodedWordBytesMax) {
      out.append("?=").append(between).append(begin);
      size = begin.size();
    }
    const std::size_t before = out.size();
    for (const char c : piece) {
      if (smtp::is_alnum(c)) {
        out += c;
      } else {
        append_escaped_byte(c, out);
      }
    }
    size += out.size() - before;
  }
  out += "?=";
}

// The size of a whole encoded word in ASCII at the start of `text`; 0: there is none.
std::size_t encoded_word_size(std::string_view text) {
  text = text.substr(0, kWholeWordBytesMax);
  std::size_t at = 2;
  for (int part = 0; part < 2; ++part) {
    at = text.find('?', at);
    if (at == std::string_view::npos) return 0;
    ++at;
  }
  const std::size_t end = text.find("?=", at);
  if (end == std::string_view::npos) return 0;
  const std::string_view word = text.substr(0, end + 2);
  return smtp::has_eight_bit(word) || std::ranges::any_of(word, smtp::is_folding_space) ? 0 : word.size();
}

// Fields in which a backslash makes the character behind it an ordinary one, in quotes and comments (RFC 5322 3.2.1).
// Elsewhere it is only a backslash.
bool has_quoted_pairs(std::string_view field) {
  constexpr std::string_view kStructured[] = {"From",
                                              "Sender",
                                              "Reply-To",
                                              "To",
                                              "Cc",
                                              "Bcc",
                                              "Author",
                                              "Resent-From",
                                              "Resent-Sender",
                                              "Resent-To",
                                              "Resent-Cc",
                                              "Resent-Bcc",
                                              "Resent-Reply-To",
                                              "Return-Path",
                                              "Errors-To",
                                              "Return-Receipt-To",
                                              "Disposition-Notification-To",
                                              "Content-Type",
                                              "Content-Disposition",
                                              "Mail-Followup-To",
                                              "Mail-Reply-To"};
  return std::ranges::any_of(kStructured, [&](std::string_view name) { return value_of(field, name).has_value(); });
}

// Makes a field ASCII by RFC 2047, for what is read as that by most, though it stands where it should not (in a
// parameter): better than bytes that are lost on the way.  A "=?" that begins no whole encoded word is encoded, too:
// what we add would complete it, and show what was judged when it was no word.  Quotes and comments end where they
// ended before: a quoted pair is taken into a word as what it means, and never cut.
class FieldEncoder {
 public:
  FieldEncoder(std::string_view field, std::string& out) : pairs_(has_quoted_pairs(field)), rest_(field), out_(out) {}

  void run() {
    while (!rest_.empty()) {
      if (rest_.starts_with("=?")) {
        copy_encoded_word();
        continue;
      }
      copy_word();
      if (!rest_.empty() && !rest_.starts_with("=?")) copy_separator();
    }
  }

 private:
  static bool parts_words(char c) { return smtp::is_folding_space(c) || std::string_view("\";=<>,:()").contains(c); }
  [[nodiscard]] bool at_pair(std::size_t at) const {
    return pairs_ && (quoted_ || depth_ > 0) && rest_[at] == '\\' && at + 1 < rest_.size() && rest_[at + 1] != '\r' &&
           rest_[at + 1] != '\n';
  }

  void copy_encoded_word() {
    std::size_t whole = encoded_word_size(rest_);
    // Quotes and comments are found only in what is copied letter by letter.
    if (pairs_ && rest_.substr(0, whole).find_first_of("\"\\()<>") != std::string_view::npos) whole = 0;
    if (whole > 0) {
      out_ += rest_.substr(0, whole);
    } else {
      append_encoded_word("=?", blanks_.value_or(0), between_, out_);
    }
    blanks_ = 0;
    rest_.remove_prefix(whole > 0 ? whole : 2);
  }

  void copy_word() {
    std::string meant;
    std::size_t size = 0;
    while (size < rest_.size() && (at_pair(size) || !parts_words(rest_[size]))) {
      if (at_pair(size)) ++size;
      meant += rest_[size++];
    }
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (!smtp::has_eight_bit(word)) {
      out_ += word;
      if (!word.empty()) blanks_.reset();
    } else if (const auto address = ascii_address(word)) {
      out_ += *address;
      blanks_.reset();
    } else {
      append_encoded_word(meant, blanks_.value_or(0), between_, out_);
      blanks_ = 0;
    }
  }

  void copy_separator() {
    const char c = rest_.front();
    if (c != ' ' && c != '\t') {
      if (c != '\r' && c != '\n') blanks_.reset();
    } else if (blanks_) {
      ++*blanks_;
    }
    const bool was_outside = is_outside();
    if (c == '"' && depth_ == 0) quoted_ = !quoted_;
    if (c == '(' && !quoted_) ++depth_;
    if (c == ')' && !quoted_ && depth_ > 0) --depth_;
    out_ += c;
    rest_.remove_prefix(1);
    if (is_outside()) {
      between_ = kLineEnd;
    } else if (was_outside) {
      between_ = has_specials(rest_, quoted_ ? '"' : ')') ? kSpace : kLineEnd;
    }
  }

  [[nodiscard]] bool is_outside() const { return !quoted_ && depth_ == 0; }

  // A line end within a quoted string or a comment is the end of it to some readers, and what stands behind it an
  // address if it looks like one (mailbox_list.cc): there a long line is the lesser evil. `rest` begins behind the
  // quote or parenthesis that opens it; a nested comment is a special.
  static bool has_specials(std::string_view rest, char end) {
    const std::size_t at = rest.find_first_of("<>@(),;:\"\\[]");
    return at != std::string_view::npos && rest[at] != end;
  }

  static constexpr std::string_view kLineEnd = "\r\n ";
  static constexpr std::string_view kSpace = " ";

  const bool pairs_;
  std::string_view rest_;
  std::string& out_;
  std::string_view between_ = kLineEnd;  // the encoded words of one word
  bool quoted_ = false;
  std::size_t depth_ = 0;              // of comments
  std::optional<std::size_t> blanks_;  // since the last encoded word, if there was nothing else
};

}  // namespace

MimeHeader read_mime_header(std::string_view header, bool in_digest) {
  MimeHeader read;
  bool has_encoding = false;
  while (!header.empty()) {
    const std::string_view field = take_field(header);
    if (const auto version = value_of(field, kVersion)) read.has_version = true;
    if (const auto type = value_of(field, kType); type && !read.has_type) read_type(*type, read);
    if (const auto name = value_of(field, kEncoding); name && !has_encoding) {
      read.encoding = encoding_named(*name);
      has_encoding = true;
    }
  }
  if (!read.has_type && in_digest) read.kind = MimeKind::message;
  return read;
}

void append_mime_header(std::string_view header, const MimeHeaderChange& change, std::string& out) {
  const bool has_empty_line = header == "\r\n" || header.ends_with("\r\n\r\n");
  if (has_empty_line) header.remove_suffix(2);
  while (!header.empty()) {
    const std::string_view field = take_field(header);
    if (!change.encoding.empty() && value_of(field, kEncoding)) continue;
    if (change.encode_eight_bit && smtp::has_eight_bit(field)) {
      FieldEncoder(field, out).run();
    } else {
      out += field;
    }
    if (!field.ends_with("\r\n")) out += "\r\n";
  }
  if (change.add_version) out += "MIME-Version: 1.0\r\n";
  if (!change.add_type.empty()) out.append("Content-Type: ").append(change.add_type).append("\r\n");
  if (!change.encoding.empty()) out.append("Content-Transfer-Encoding: ").append(change.encoding).append("\r\n");
  if (has_empty_line) out += "\r\n";
}

}  // namespace sluice::message
