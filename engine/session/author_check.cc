#include "engine/session/author_check.h"

#include <algorithm>
#include <utility>

namespace sluice::session {
namespace {

using message::AuthorField;

std::string_view name_of(AuthorField::Kind kind) {
  switch (kind) {
    case AuthorField::Kind::sender:
      return "Sender";
    case AuthorField::Kind::author:
      return "Author";
    case AuthorField::Kind::resent_from:
      return "Resent-From";
    case AuthorField::Kind::resent_sender:
      return "Resent-Sender";
  }
  return "?";
}

// The first address in a name that is not the submitter's, the unquoted ones before the others; null: there is none.
const message::NamedDomain* foreign_name(const message::AuthorVerdict& verdict, const policy::SenderRights& rights) {
  const message::NamedDomain* found = nullptr;
  for (const message::NamedDomain& each : verdict.in_names) {
    if (rights.may_send_from(each.domain)) continue;
    if (each.unquoted) return &each;
    if (found == nullptr) found = &each;
  }
  return found;
}

// Whether all that the field names is the submitter's.  RFC 5322 3.6.2 and 3.6.6: one mailbox in Sender and
// Resent-Sender, a list in Resent-From; RFC 9057 4: a list in Author.
bool is_theirs(const AuthorField& field, const policy::SenderRights& rights, const AuthorRules& rules) {
  if (field.cut || field.space_before_colon) return false;
  const message::AuthorVerdict verdict = message::parse_author(field.value, {.smtputf8 = rules.smtputf8});
  if (!verdict.ok()) return false;
  const bool list = field.kind == AuthorField::Kind::resent_from || field.kind == AuthorField::Kind::author;
  if (!list && verdict.single() == nullptr) return false;
  const message::NamedDomain* name = foreign_name(verdict, rights);
  if (name != nullptr && (name->unquoted || rules.foreign_name == policy::ForeignName::refuse)) return false;
  return std::ranges::all_of(verdict.mailboxes, [&](const message::Mailbox& mailbox) {
    return rights.may_send_as({.local = mailbox.local_part, .domain = mailbox.domain});
  });
}

std::string printable(std::string_view text) {
  constexpr std::size_t kShownMax = 100;
  std::string shown(text.substr(0, kShownMax));
  std::ranges::replace_if(shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  return shown;
}

policy::SenderDecision refused_field(std::string reason) {
  return {.verdict = policy::SenderVerdict::sender_field, .reason = std::move(reason)};
}

}  // namespace

AuthorFinding check_shown_authors(const message::HeaderScan& header, const message::AuthorVerdict& verdict,
                                  const policy::SenderRights& rights, const AuthorRules& rules) {
  AuthorFinding finding;
  if (const message::NamedDomain* name = foreign_name(verdict, rights)) {
    if (name->unquoted || rules.foreign_name == policy::ForeignName::refuse) {
      finding.decision = {.verdict = policy::SenderVerdict::name_in_from,
                          .reason = "the name in From shows an address of another domain: " + printable(name->domain)};
      return finding;
    }
    finding.mark = rules.foreign_name == policy::ForeignName::mark;
  }
  // Two: readers show the one or the other.
  if (header.counts().sender > 1) {
    finding.decision = refused_field("more than one Sender field");
  } else if (header.too_many_author_fields()) {
    finding.decision = refused_field("too many Sender, Author and Resent fields");
  }
  for (const AuthorField& field : header.author_fields()) {
    if (!finding.decision.allowed()) break;
    if (is_theirs(field, rights, rules)) continue;
    if (rules.foreign_sender == policy::ForeignSender::refuse) {
      finding.decision =
          refused_field("the " + std::string(name_of(field.kind)) + " field must name an address of yours");
    } else {
      finding.drops.push_back({.at = field.begin, .remove = field.end - field.begin});
    }
  }
  return finding;
}

}  // namespace sluice::session
