#include "engine/smtp/path.h"

#include "engine/base/domain_name.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

constexpr std::string_view kPostmaster = "postmaster";

// RFC 5322 3.2.3 atext.
constexpr bool is_atext(char c) {
  return is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

// What is left to parse.  Nothing here copies.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  [[nodiscard]] bool done() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return done() ? '\0' : text_[at_]; }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  [[nodiscard]] std::string_view since(std::size_t start) const { return text_.substr(start, at_ - start); }
  void skip(std::size_t count) { at_ += count; }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// One character of UTF-8 over U+007F (RFC 6531 3.3, UTF8-non-ascii).
PathFault take_non_ascii(Cursor& in, bool utf8_allowed) {
  const std::size_t size = utf8_sequence(in.rest());
  if (size == 0) return PathFault::bad_utf8;
  if (!is_clean_utf8(in.rest().substr(0, size))) return PathFault::control;
  if (!utf8_allowed) return PathFault::eight_bit;
  in.skip(size);
  return PathFault::none;
}

// RFC 5321 4.1.2: Quoted-string = DQUOTE *QcontentSMTP DQUOTE; quoted-pairSMTP = %d92 %d32-126;
// qtextSMTP = %d32-33 / %d35-91 / %d93-126.
PathFault take_quoted(Cursor& in, bool utf8_allowed) {
  in.skip(1);
  while (!in.done()) {
    const char c = in.peek();
    if (is_control(c)) return PathFault::control;
    if (is_eight_bit(c)) {
      const PathFault fault = take_non_ascii(in, utf8_allowed);
      if (fault != PathFault::none) return fault;
      continue;
    }
    in.skip(1);
    if (c == '"') return PathFault::none;
    if (c != '\\') continue;
    if (in.done() || is_eight_bit(in.peek())) return PathFault::syntax;
    if (is_control(in.peek())) return PathFault::control;
    in.skip(1);
  }
  return PathFault::syntax;
}

// RFC 5321 4.1.2: Dot-string = Atom *("." Atom).
PathFault take_dot_string(Cursor& in, bool utf8_allowed) {
  for (;;) {
    const std::size_t start = in.at();
    while (!in.done() && (is_atext(in.peek()) || is_eight_bit(in.peek()))) {
      if (!is_eight_bit(in.peek())) {
        in.skip(1);
        continue;
      }
      const PathFault fault = take_non_ascii(in, utf8_allowed);
      if (fault != PathFault::none) return fault;
    }
    if (in.at() == start) return is_control(in.peek()) && !in.done() ? PathFault::control : PathFault::syntax;
    if (!in.take('.')) return PathFault::none;
  }
}

// Up to what ends a domain in a path; then judged as a whole.
std::string_view take_domain_text(Cursor& in) {
  const std::size_t start = in.at();
  if (in.peek() == '[') {
    while (!in.done() && in.peek() != ']' && in.peek() != '>') in.skip(1);
    if (in.peek() == ']') in.skip(1);
  } else {
    while (!in.done() && std::string_view(">,:@ ").find(in.peek()) == std::string_view::npos) in.skip(1);
  }
  return in.since(start);
}

PathFault take_mailbox(Cursor& in, bool utf8_allowed, Mailbox& mailbox) {
  const std::size_t start = in.at();
  mailbox.quoted = in.peek() == '"';
  const PathFault local_fault = mailbox.quoted ? take_quoted(in, utf8_allowed) : take_dot_string(in, utf8_allowed);
  if (local_fault != PathFault::none) return local_fault;
  mailbox.local_part = in.since(start);
  if (!in.take('@')) return PathFault::syntax;
  mailbox.domain = take_domain_text(in);
  mailbox.literal = mailbox.domain.starts_with('[');
  if (mailbox.local_part.size() > kLocalPartBytesMax) return PathFault::local_too_long;
  if (mailbox.domain.size() > kDomainBytesMax) return PathFault::domain_too_long;
  if (mailbox.literal) {
    if (!is_address_literal(mailbox.domain)) return PathFault::bad_literal;
  } else {
    const PathFault domain_fault = check_domain(mailbox.domain, utf8_allowed);
    if (domain_fault != PathFault::none) return domain_fault;
  }
  mailbox.eight_bit = has_eight_bit(mailbox.local_part) || has_eight_bit(mailbox.domain);
  return PathFault::none;
}

// RFC 5321 4.1.2: A-d-l ":" with A-d-l = At-domain *( "," At-domain ); checked, and forgotten.
PathFault skip_route(Cursor& in, bool utf8_allowed) {
  do {
    if (!in.take('@')) return PathFault::syntax;
    const std::string_view domain = take_domain_text(in);
    const PathFault fault = domain.starts_with('[')
                                ? (is_address_literal(domain) ? PathFault::none : PathFault::bad_literal)
                                : check_domain(domain, utf8_allowed);
    if (fault != PathFault::none) return fault;
  } while (in.take(','));
  return in.take(':') ? PathFault::none : PathFault::syntax;
}

// What is between the brackets, and ">".
PathFault take_inner(Cursor& in, PathKind kind, bool utf8_allowed, Path& path) {
  if (in.take('>')) return kind == PathKind::reverse ? PathFault::none : PathFault::syntax;
  if (in.peek() == '@') {
    path.had_route = true;
    const PathFault fault = skip_route(in, utf8_allowed);
    if (fault != PathFault::none) return fault;
  } else if (kind == PathKind::forward && starts_with_ignore_case(in.rest(), kPostmaster) &&
             in.rest().substr(kPostmaster.size()).starts_with('>')) {
    path.mailbox.local_part = in.rest().substr(0, kPostmaster.size());
    in.skip(kPostmaster.size() + 1);
    return PathFault::none;
  }
  const PathFault fault = take_mailbox(in, utf8_allowed, path.mailbox);
  if (fault != PathFault::none) return fault;
  return in.take('>') ? PathFault::none : PathFault::syntax;
}

// RFC 5321 4.5.3.1.3: "including the punctuation and element separators": "<", "@" and ">".  A
// route is not counted, as it is dropped.
std::size_t path_bytes(const Mailbox& mailbox) { return mailbox.local_part.size() + mailbox.domain.size() + 3; }

// Whether a meaning can stand as a Dot-string.
bool is_dot_string(std::string_view text) {
  Cursor in(text);
  return take_dot_string(in, true) == PathFault::none && in.done();
}

}  // namespace

PathParse parse_path(std::string_view input, PathKind kind, bool utf8_allowed) {
  PathParse result;
  Cursor in(input);
  result.fault = in.take('<') ? take_inner(in, kind, utf8_allowed, result.path) : PathFault::syntax;
  result.size = in.at();
  if (result.fault == PathFault::none && path_bytes(result.path.mailbox) > kPathBytesMax) {
    result.fault = PathFault::path_too_long;
  }
  // A fault leaves nothing that could be used by mistake.
  if (result.fault != PathFault::none) result.path = {};
  return result;
}

PathParse parse_bare_path(std::string_view input, PathKind kind, bool utf8_allowed) {
  PathParse result;
  const std::string_view text = input.substr(0, find_blank(input));
  result.size = text.size();
  if (text.find_first_of("<>,") != std::string_view::npos) {
    result.fault = PathFault::syntax;
  } else if (kind == PathKind::forward && equals_ignore_case(text, kPostmaster)) {
    result.path.mailbox.local_part = text;
  } else {
    result.fault = parse_mailbox(text, utf8_allowed, result.path.mailbox);
  }
  return result;
}

PathFault parse_mailbox(std::string_view text, bool utf8_allowed, Mailbox& mailbox) {
  mailbox = {};
  Cursor in(text);
  PathFault fault = take_mailbox(in, utf8_allowed, mailbox);
  if (fault == PathFault::none && !in.done()) fault = PathFault::syntax;
  if (fault == PathFault::none && path_bytes(mailbox) > kPathBytesMax) fault = PathFault::path_too_long;
  if (fault != PathFault::none) mailbox = {};
  return fault;
}

std::string Mailbox::text() const {
  std::string out(local_part);
  if (!domain.empty()) out.append("@").append(domain);
  return out;
}

std::string Mailbox::local_unquoted() const {
  if (!quoted) return std::string(local_part);
  std::string out;
  const std::string_view inner = local_part.substr(1, local_part.size() - 2);
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] == '\\') ++i;
    out.push_back(inner[i]);
  }
  return out;
}

std::string Mailbox::canonical() const {
  const std::string meaning = local_unquoted();
  std::string out;
  if (empty() || is_dot_string(meaning)) {
    out = meaning;
  } else {
    out.push_back('"');
    for (const char c : meaning) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
  }
  if (!domain.empty()) out.append("@").append(domain_key(domain));
  return out;
}

}  // namespace sluice::smtp
