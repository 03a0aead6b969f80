#include "engine/message/trace.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "engine/base/domain_name.h"
#include "engine/message/date.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"

namespace sluice::message {
namespace {

// RFC 5322 2.1.1: "Each line of characters MUST be no more than 998 characters, and SHOULD be no
// more than 78".
constexpr std::size_t kLineBytesWanted = 78;
constexpr std::size_t kAddressBytesMax = smtp::kLocalPartBytesMax + 1 + smtp::kDomainBytesMax;
constexpr std::size_t kWordBytesMax = 64;  // queue ids, TLS names
static_assert(std::max(kAddressBytesMax, 4 * kWordBytesMax) + 16 < smtp::kTextLineBytesMax,
              "a line that is too long has one long word");

constexpr char kReplacement = '?';

bool is_word_byte(char c) { return smtp::is_alnum(c) || c == '.' || c == '-' || c == '_'; }
bool is_bracketed(std::string_view text) { return text.size() > 2 && text.front() == '[' && text.back() == ']'; }

std::int64_t whole_seconds(WallMillis time) { return time / 1000 - (time % 1000 < 0 ? 1 : 0); }

void append_number(std::string& out, std::uint64_t value, std::uint64_t base) {
  std::array<char, 64> digits{};  // enough for any base
  std::size_t at = digits.size();
  do {
    digits[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % base];
    value /= base;
  } while (value != 0);
  out.append(digits.data() + at, digits.size() - at);
}

template <typename Accept>
void append_cleaned(std::string& out, std::string_view text, Accept accept) {
  for (const char c : text) out += accept(c) ? c : kReplacement;
}

// A host name or an address literal.
void append_host(std::string& out, std::string_view host) {
  host = host.substr(0, smtp::kDomainBytesMax);
  if (is_bracketed(host)) {
    out += '[';
    append_cleaned(out, host.substr(1, host.size() - 2), [](char c) { return is_word_byte(c) || c == ':'; });
    out += ']';
    return;
  }
  // RFC 6531 3.7.3 allows U-labels in trace fields of a message that has SMTPUTF8.  A-labels say the same, and do not
  // make SMTPUTF8 necessary for a message that is ASCII otherwise.
  if (smtp::has_eight_bit(host)) {
    if (const auto ascii = ascii_domain(host)) {
      out += *ascii;
      return;
    }
  }
  append_cleaned(out, host, is_word_byte);
}

// RFC 5321 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]".
void append_literal(std::string& out, std::string_view ip) {
  out += ip.contains(':') ? "[IPv6:" : "[";
  append_cleaned(out, ip.substr(0, kWordBytesMax), [](char c) { return smtp::is_alnum(c) || c == '.' || c == ':'; });
  out += ']';
}

// RFC 5322 3.2.2: ctext, and a quoted-pair for what would end or nest the comment.
void append_comment_text(std::string& out, std::string_view text) {
  for (const char c : text.substr(0, kWordBytesMax)) {
    if (c == '(' || c == ')' || c == '\\') out += '\\';
    out += c >= ' ' && c <= '~' ? c : kReplacement;
  }
}

// An address goes into the trace as it is or not at all: `for` is optional, and another address
// would be a lie.
bool is_plain_address(std::string_view address) {
  if (address.empty() || address.size() > kAddressBytesMax) return false;
  return std::ranges::none_of(
      address, [](char c) { return smtp::is_control(c) || std::string_view(" ()<>\\,;\"").contains(c); });
}

// RFC 8314 4.3 asks for the registered name of the cipher suite; other libraries' names go into the
// comment.
bool is_registered_cipher(std::string_view cipher) {
  return cipher.starts_with("TLS_") && cipher.size() <= kWordBytesMax &&
         std::ranges::all_of(cipher, [](char c) { return smtp::is_alnum(c) || c == '_'; });
}

// Writes one field word by word, and folds where a line grows too long: between clauses if that is
// enough, else between words.
class FoldedField {
 public:
  FoldedField(std::string& out, std::string_view name) : out_(out), line_(out.size()), clause_(line_), word_(line_) {
    out_ += name;
    out_ += ':';
  }

  // `write` appends one word that must not be broken.
  template <typename Write>
  FoldedField& word_by(Write write) {
    word_ = out_.size();
    out_ += ' ';
    write(out_);
    fold_if_too_long();
    return *this;
  }

  FoldedField& word(std::string_view text) {
    return word_by([=](std::string& out) { out += text; });
  }

  FoldedField& semicolon() {
    out_ += ';';
    fold_if_too_long();
    return *this;
  }

  // The next word begins a clause.
  FoldedField& clause() {
    clause_ = out_.size();
    return *this;
  }

  void end() { out_ += "\r\n"; }

 private:
  bool too_long() const { return out_.size() - line_ > kLineBytesWanted; }

  void fold_if_too_long() {
    if (too_long() && clause_ > line_) break_at(clause_);
    if (too_long() && word_ > line_) break_at(word_);
  }

  // RFC 5322 2.2.3: "inserting a CRLF before any WSP".
  void break_at(std::size_t space) {
    out_.replace(space, 1, "\r\n\t");
    line_ = space + 2;
    word_ = std::max(word_ + 2, line_);
  }

  std::string& out_;
  std::size_t line_;    // where the line at hand begins
  std::size_t clause_;  // the space before the clause at hand
  std::size_t word_;    // the space before the word at hand
};

// RFC 5321 4.4: "The FROM clause, which MUST be supplied in an SMTP environment, SHOULD contain
// both (1) the name of the source host as presented in the EHLO command and (2) an address
// literal".  A hidden client is not replaced by a made-up one: the relay names itself and says so.
void append_from(FoldedField& field, const ReceivedField& data) {
  field.word("from");
  if (data.hide_client) {
    field.word_by([&](std::string& out) { append_host(out, data.by_host); });
    field.word("(client").word("not").word("shown)");
    return;
  }
  field.word_by([&](std::string& out) {
    if (!data.helo.empty()) {
      append_host(out, data.helo);
    } else if (!data.client_ip.empty()) {
      append_literal(out, data.client_ip);
    } else {
      out += "unknown";
    }
  });
  if (data.client_ip.empty()) return;
  field.word_by([&](std::string& out) {
    out += '(';
    append_literal(out, data.client_ip);
    out += ')';
  });
}

void append_with(FoldedField& field, const ReceivedField& data) {
  field.clause().word("with").word(with_protocol(data));
  if (!data.tls) return;
  const bool name_cipher = !data.tls_cipher.empty() && !is_registered_cipher(data.tls_cipher);
  if (data.tls_version.empty() && !name_cipher) return;
  field.word_by([&](std::string& out) {
    out += '(';
    append_comment_text(out, data.tls_version);
    if (name_cipher && !data.tls_version.empty()) out += ' ';
    if (name_cipher) append_comment_text(out, data.tls_cipher);
    out += ')';
  });
}

}  // namespace

// RFC 3848: ESMTP, then S after a successful STARTTLS (or on an implicit TLS port), then A after a
// successful AUTH.  RFC 6531 4.3: the same with UTF8SMTP where SMTPUTF8 was asked for.
std::string_view with_protocol(const ReceivedField& field) {
  if (!field.esmtp && !field.tls && !field.authenticated && !field.smtputf8) return "SMTP";
  if (field.tls && field.authenticated) return field.smtputf8 ? "UTF8SMTPSA" : "ESMTPSA";
  if (field.tls) return field.smtputf8 ? "UTF8SMTPS" : "ESMTPS";
  if (field.authenticated) return field.smtputf8 ? "UTF8SMTPA" : "ESMTPA";
  return field.smtputf8 ? "UTF8SMTP" : "ESMTP";
}

// RFC 5321 4.4: Stamp = From-domain By-domain Opt-info [CFWS] ";" FWS date-time, where Opt-info is
// via, with, id, for and additional clauses, in this order.
void append_received(std::string& out, const ReceivedField& data) {
  FoldedField field(out, "Received");
  append_from(field, data);
  field.clause().word("by").word_by([&](std::string& to) {
    if (data.by_host.empty())
      to += "unknown";
    else
      append_host(to, data.by_host);
  });
  field.word("(Sluice)");
  append_with(field, data);
  if (!data.queue_id.empty()) {
    field.clause().word("id").word_by(
        [&](std::string& to) { append_cleaned(to, data.queue_id.substr(0, kWordBytesMax), is_word_byte); });
  }
  // RFC 5321 7.2: `for` tells recipients of each other, so it is there only where there is one.
  // Nothing that we write asks for SMTPUTF8: the next hop may not have it.
  if (const auto recipient = ascii_address(data.only_recipient); recipient && is_plain_address(*recipient))
    field.clause().word("for").word_by([&](std::string& to) { to.append("<").append(*recipient).append(">"); });
  if (data.tls && is_registered_cipher(data.tls_cipher)) field.clause().word("tls").word(data.tls_cipher);
  field.semicolon().clause().word_by([&](std::string& to) { append_date_time(to, whole_seconds(data.time)); });
  field.end();
}

void append_date(std::string& out, WallMillis time) {
  out += "Date: ";
  append_date_time(out, whole_seconds(time));
  out += "\r\n";
}

// RFC 5322 3.6.4: msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS], id-left = dot-atom-text,
// id-right = dot-atom-text / no-fold-literal.  Not folded: many readers take a folded one for
// another.
std::string append_message_id(std::string& out, const MessageIdField& field) {
  const auto is_atom_byte = [](char c) { return smtp::is_alnum(c) || c == '-' || c == '_'; };
  out += "Message-ID: ";
  const std::size_t begin = out.size();
  out += '<';
  append_number(out, static_cast<std::uint64_t>(std::max<WallMillis>(whole_seconds(field.time), 0)), 10);
  out += '.';
  append_number(out, field.random, 36);
  if (!field.queue_id.empty()) {
    out += '.';
    append_cleaned(out, field.queue_id.substr(0, kWordBytesMax), is_atom_byte);
  }
  out += '@';
  if (field.host.empty())
    out += "unknown.invalid";
  else
    append_host(out, field.host);
  out += '>';
  std::string id = out.substr(begin);
  out += "\r\n";
  return id;
}

}  // namespace sluice::message
