#include "engine/message/author.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/message/header_scan.h"
#include "engine/message/mailbox_list.h"

namespace sluice::message {
namespace {

// RFC 5321 4.1.2: what is not a Dot-string must be a Quoted-string.
bool needs_quotes(std::string_view local_part) {
  constexpr std::string_view kSpecials = " \t()<>[]:;@\\,\"";
  return local_part.empty() || local_part.front() == '.' || local_part.back() == '.' || local_part.contains("..") ||
         local_part.find_first_of(kSpecials) != std::string_view::npos;
}

AuthorVerdict refused(AuthorFault fault) {
  AuthorVerdict verdict;
  verdict.fault = fault;
  return verdict;
}

}  // namespace

std::string_view author_fault_text(AuthorFault fault) {
  switch (fault) {
    case AuthorFault::none:
      return "From is well-formed";
    case AuthorFault::missing:
      return "no From field";
    case AuthorFault::several_fields:
      return "more than one From field";
    case AuthorFault::space_before_colon:
      return "space before the colon of From";
    case AuthorFault::too_long:
      return "From field too long";
    case AuthorFault::empty:
      return "no address in From";
    case AuthorFault::syntax:
      return "From is not an address";
    case AuthorFault::control:
      return "control character in From";
    case AuthorFault::bad_folding:
      return "bad line break in From";
    case AuthorFault::group:
      return "group in From";
    case AuthorFault::source_route:
      return "source route in From";
    case AuthorFault::no_domain:
      return "From address without a domain";
    case AuthorFault::bad_domain:
      return "bad domain in From";
    case AuthorFault::encoded_word:
      return "misplaced encoded word in From";
    case AuthorFault::eight_bit:
      return "From address needs SMTPUTF8";
    case AuthorFault::address_too_long:
      return "From address too long";
    case AuthorFault::ambiguous:
      return "ambiguous address in From";
    case AuthorFault::nested_too_deep:
      return "comments in From nested too deep";
    case AuthorFault::too_many:
      return "too many addresses in From";
    case AuthorFault::several_mailboxes:
      return "more than one address in From";
  }
  return "bad From field";
}

std::string Mailbox::address() const {
  std::string out;
  out.reserve(local_part.size() + domain.size() + 3);
  if (needs_quotes(local_part)) {
    out += '"';
    for (const char c : local_part) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  } else {
    out += local_part;
  }
  out += '@';
  out += domain;
  return out;
}

AuthorVerdict parse_author(std::string_view from_value, const AuthorOptions& options) {
  AuthorVerdict verdict = MailboxListParser(from_value, options).run();
  if (verdict.fault != AuthorFault::syntax) return verdict;
  AuthorVerdict loose = MailboxListParser(from_value, options).run_with_loose_name();
  const std::uint64_t steps = verdict.steps + loose.steps;
  if (loose.ok()) verdict = std::move(loose);
  verdict.steps = steps;
  return verdict;
}

// RFC 6409 6.3: a submission server may refuse what is malformed or not its user's to send.  RFC
// 5322 3.6 requires exactly one From.  It may have several mailboxes if Sender tells who sent it
// (3.6.2), but then it is open which one a reader will see.
AuthorVerdict judge_author(const HeaderScan& scan, const AuthorOptions& options) {
  CHECK(scan.state() == HeaderState::complete);
  if (scan.counts().from == 0) return refused(AuthorFault::missing);
  if (scan.counts().from > 1) return refused(AuthorFault::several_fields);
  if (scan.from_space_before_colon()) return refused(AuthorFault::space_before_colon);
  if (scan.from_cut()) return refused(AuthorFault::too_long);
  AuthorVerdict verdict = parse_author(scan.from_value(), options);
  if (verdict.ok() && verdict.mailboxes.size() > 1) verdict.fault = AuthorFault::several_mailboxes;
  return verdict;
}

}  // namespace sluice::message
