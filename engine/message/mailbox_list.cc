#include "engine/message/mailbox_list.h"

#include <algorithm>
#include <utility>

#include "engine/base/domain_name.h"
#include "engine/message/encoded_word.h"
#include "engine/message/mailbox_text.h"
#include "engine/message/name_address.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/limits.h"
#include "engine/smtp/path.h"

namespace sluice::message {
namespace {

using smtp::is_control;

bool is_literal_byte(char c) { return smtp::is_alnum(c) || c == '.' || c == ':' || c == '-'; }

// dot-atom-text: atoms with one dot between two of them.
bool is_dot_atom(std::string_view text) {
  return !text.empty() && text.front() != '.' && text.back() != '.' && !text.contains("..");
}

// RFC 2047 5: an encoded-word "MUST NOT appear in any portion of an 'addr-spec'".
bool has_encoded_word(std::string_view text) { return text.contains("=?"); }

// What a quoted string or a comment has in it that another line end would make something else of.
struct Folded {
  bool has_fold = false;
  bool has_special = false;
  void note(char c) { has_special = has_special || std::string_view("<>@(),;:\"\\[]").contains(c); }
  [[nodiscard]] bool is_ambiguous() const { return has_fold && has_special; }
};

AuthorFault domain_fault(smtp::PathFault fault) {
  if (fault == smtp::PathFault::none) return AuthorFault::none;
  if (fault == smtp::PathFault::domain_too_long) return AuthorFault::address_too_long;
  const bool is_text =
      fault != smtp::PathFault::eight_bit && fault != smtp::PathFault::bad_utf8 && fault != smtp::PathFault::control;
  return is_text ? AuthorFault::bad_domain : AuthorFault::eight_bit;
}

}  // namespace

AuthorVerdict MailboxListParser::run() {
  verdict_.fault = AuthorFault::none;
  if (!encoded_words_are_whole(text_)) {
    fail(AuthorFault::encoded_word);
    return std::move(verdict_);
  }
  if (!white_space_and_comments()) return std::move(verdict_);
  if (ended()) fail(AuthorFault::empty);
  while (verdict_.ok()) {
    if (!mailbox() || ended()) break;
    if (look() != ',') {
      fail(AuthorFault::syntax);  // "<a@b> c@d", "a@b <c@d>"
    } else if (verdict_.mailboxes.size() >= options_.mailboxes_max) {
      fail(AuthorFault::too_many);
    }
    ++at_;
  }
  return std::move(verdict_);
}

// RFC 5322 3.4: mailbox = name-addr / addr-spec.  Empty places in the list (obs-mbox-list) are
// refused.
bool MailboxListParser::mailbox() {
  Words words;
  name_.clear();
  shown_ = Shown::name;
  while (true) {
    if (!white_space_and_comments()) return false;
    if (ended()) return fail(words.count == 0 ? AuthorFault::syntax : AuthorFault::no_domain);
    const char c = look();
    if (c == '<') {
      if (!angle_address()) return false;
      break;
    }
    if (c == '@') {
      name_.clear();  // that was no name
      shown_ = Shown::nowhere;
      if (!local_part(words) || !at_and_domain()) return false;
      break;
    }
    if (words.count != 0 && c == ':') return fail(AuthorFault::group);
    if (words.count != 0 && c == ',') return fail(AuthorFault::no_domain);
    if (!word(words)) return false;
  }
  if (!white_space_and_comments()) return false;
  note_names();
  verdict_.mailboxes.push_back(std::exchange(mailbox_, {}));
  return verdict_.ok();
}

// RFC 5322 3.4: angle-addr = [CFWS] "<" addr-spec ">" [CFWS], and 4.4: obs-route = obs-domain-list
// ":".
bool MailboxListParser::angle_address() {
  shown_ = Shown::nowhere;
  ++at_;
  if (!white_space_and_comments()) return false;
  if (ended()) return fail(AuthorFault::syntax);
  if (look() == '>') return fail(AuthorFault::empty);
  if (look() == '@' || look() == ',') return fail(AuthorFault::source_route);
  Words words;
  if (!word(words) || !white_space_and_comments()) return false;
  if (ended()) return fail(AuthorFault::syntax);
  if (look() == '>') return fail(AuthorFault::no_domain);
  if (look() != '@') return fail(AuthorFault::syntax);
  if (!local_part(words) || !at_and_domain() || !white_space_and_comments()) return false;
  if (ended() || look() != '>') return fail(AuthorFault::syntax);
  ++at_;
  return true;
}

// RFC 5322 3.4.1: local-part = dot-atom / quoted-string; the obsolete mixture of both is refused.
bool MailboxListParser::local_part(const Words& words) {
  if (words.count != 1) return fail(AuthorFault::syntax);
  if (!words.quoted && !is_dot_atom(words.atoms)) return fail(AuthorFault::syntax);
  const std::string_view text = words.quoted ? std::string_view(quoted_) : words.atoms;
  verdict_.steps += text.size();
  if (text.empty()) return fail(AuthorFault::syntax);
  if (text.size() > smtp::kLocalPartBytesMax) return fail(AuthorFault::address_too_long);
  if (has_encoded_word(text)) return fail(AuthorFault::encoded_word);
  const bool ascii = !smtp::has_eight_bit(text);
  if (!ascii && !(options_.smtputf8 && smtp::is_clean_utf8(text))) return fail(AuthorFault::eight_bit);
  // "victim@bank.example"@customer.example is one address by the grammar, and another to readers
  // that look for an "@".
  if (as_seen(text).find_first_of("@<>,") != std::string::npos || is_reordered(text))
    return fail(AuthorFault::ambiguous);
  mailbox_.local_part = text;
  return true;
}

bool MailboxListParser::at_and_domain() {
  ++at_;
  if (!white_space_and_comments()) return false;
  if (ended()) return fail(AuthorFault::no_domain);
  return look() == '[' ? domain_literal() : domain_name();
}

bool MailboxListParser::domain_name() {
  const std::string_view text = run_of(is_atom_or_dot);
  verdict_.steps += text.size();
  if (text.empty()) return fail(AuthorFault::no_domain);
  if (has_encoded_word(text)) return fail(AuthorFault::encoded_word);
  const AuthorFault fault = domain_fault(smtp::check_domain(text, options_.smtputf8));
  if (fault != AuthorFault::none) return fail(fault);
  if (!has_plain_u_labels(text)) return fail(AuthorFault::bad_domain);
  mailbox_.domain = smtp::to_lower(text);
  return true;
}

// RFC 5321 4.1.3, but only with bytes that no reader takes for the end of an address.
bool MailboxListParser::domain_literal() {
  const std::size_t begin = at_++;
  if (run_of(is_literal_byte).empty() || ended() || look() != ']') return fail(AuthorFault::bad_domain);
  ++at_;
  const std::string_view text = text_.substr(begin, at_ - begin);
  verdict_.steps += text.size();
  if (!smtp::is_address_literal(text)) return fail(AuthorFault::bad_domain);
  mailbox_.domain = smtp::to_lower(text);
  mailbox_.is_literal = true;
  return true;
}

bool MailboxListParser::word(Words& words) {
  const char c = look();
  words.quoted = c == '"';
  ++words.count;
  if (words.quoted) return quoted_string();
  words.atoms = run_of(is_atom_or_dot);
  show(words.atoms);
  if (!words.atoms.empty()) return true;
  return fail(is_control(c) ? AuthorFault::control : AuthorFault::syntax);
}

// RFC 5322 3.2.4: "the CRLF in any FWS/CFWS that appears within the quoted-string [is] semantically
// invisible".  To some readers a line end is the end of the string, or of the comment, and what stands behind it is
// read as an address if it looks like one; so a folded one has nothing but a name in it.
bool MailboxListParser::quoted_string() {
  ++at_;
  quoted_.clear();
  Folded folded;
  while (!ended()) {
    char c = look();
    if (c == '\r' || c == '\n') {
      folded.has_fold = true;
      if (!fold()) return false;
      continue;
    }
    if (c == '"') {
      ++at_;
      return !folded.is_ambiguous() || fail(AuthorFault::bad_folding);
    }
    folded.note(c);
    if (c == '\\') {
      if (!quoted_pair()) return false;
      c = text_[at_];
    } else if (is_control(c) && c != '\t') {
      return fail(AuthorFault::control);
    }
    ++at_;
    if (quoted_.size() <= smtp::kLocalPartBytesMax) quoted_ += c;
    show({&c, 1});
  }
  return fail(AuthorFault::syntax);
}

// RFC 5322 3.2.2.  Comments nest; a loop and a count read them, so depth costs no stack.
bool MailboxListParser::comment() {
  std::size_t depth = 0;
  Folded folded;
  do {
    if (ended()) return fail(AuthorFault::syntax);
    char c = look();
    if (c == '\r' || c == '\n') {
      folded.has_fold = true;
      if (!fold()) return false;
      continue;
    }
    if (depth > 0 && !(depth == 1 && c == ')')) folded.note(c);
    if (c == '\\') {
      if (!quoted_pair()) return false;
      c = text_[at_];
    } else if (c == '(') {
      if (++depth > options_.comment_depth_max) return fail(AuthorFault::nested_too_deep);
    } else if (c == ')') {
      --depth;
    } else if (is_control(c) && c != '\t') {
      return fail(AuthorFault::control);
    }
    if (c == '<' || c == '>') return fail(AuthorFault::ambiguous);
    comments_ += c;
    ++at_;
  } while (depth != 0);
  return !folded.is_ambiguous() || fail(AuthorFault::bad_folding);
}

// RFC 5322 3.2.2: FWS = ([*WSP CRLF] 1*WSP).  Goes over the CRLF and leaves the white space to the
// caller.  The obsolete form, where a line has nothing but white space, is refused: to some readers
// such a line ends the header.
bool MailboxListParser::fold() {
  if (text_.substr(at_, 2) != "\r\n") return fail(AuthorFault::bad_folding);
  const std::string_view line = text_.substr(at_ + 2);
  const std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
  verdict_.steps += indent;
  if (indent == 0 || indent == line.size() || line[indent] == '\r') return fail(AuthorFault::bad_folding);
  at_ += 2;
  return true;
}

bool MailboxListParser::white_space_and_comments() {
  while (!ended()) {
    const char c = look();
    if (c == '\r' || c == '\n') {
      if (!fold()) return false;
    } else if (c == '(') {
      if (!comment()) return false;
    } else if (smtp::is_blank(c)) {
      show(" ");
      ++at_;
    } else {
      return true;
    }
  }
  return true;
}

// RFC 5322 3.2.1: quoted-pair = "\" (VCHAR / WSP).  Leaves the second byte to the caller.
bool MailboxListParser::quoted_pair() {
  ++at_;
  if (ended()) return fail(AuthorFault::syntax);
  const char c = look();
  return !is_control(c) || c == '\t' || fail(AuthorFault::control);
}

void MailboxListParser::show(std::string_view text) {
  if (shown_ == Shown::name) name_ += text;
}

// What was read for people is looked at for addresses, and forgotten.
void MailboxListParser::note_names() {
  for (std::string* text : {&name_, &comments_}) {
    for (std::string& domain : domains_in_name(*text)) {
      NamedDomain found{.domain = std::move(domain)};
      if (std::ranges::find(verdict_.in_names, found) != verdict_.in_names.end()) continue;
      if (verdict_.in_names.size() < kNamedDomainsMax) {
        verdict_.in_names.push_back(std::move(found));
      } else if (verdict_.ok()) {
        fail(AuthorFault::too_many);  // none may be passed over
      }
    }
    text->clear();
  }
}

bool MailboxListParser::fail(AuthorFault fault) {
  verdict_.fault = fault;
  return false;
}

char MailboxListParser::look() {
  ++verdict_.steps;
  return text_[at_];
}

}  // namespace sluice::message
