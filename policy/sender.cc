#include "policy/sender.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::policy {
namespace {

constexpr std::size_t kShownDomainBytesMax = 100;
constexpr std::size_t kShownReasonBytesMax = 200;  // as many as the operator may give
constexpr std::size_t kShownIdBytesMax = 64;
// The longest sentence around them.
constexpr std::size_t kSentenceBytesMax = 120;
constexpr std::size_t kShownBytesMax = std::max(kShownDomainBytesMax, kShownReasonBytesMax);
static_assert(kShownBytesMax + kShownIdBytesMax + kSentenceBytesMax <= kReasonBytesMax);

// What came from outside, fit for a reply line: printable ASCII, and not too long.
std::string shown(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view kCut = "...";
  std::string result(text.substr(0, bytes_max));
  if (text.size() > bytes_max) {
    result.resize(bytes_max - kCut.size());
    result += kCut;
  }
  std::ranges::replace_if(result, [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

std::string shown_domain(std::string_view domain) {
  return domain.empty() ? "(none)" : shown(domain, kShownDomainBytesMax);
}

SenderDecision refused(SenderVerdict verdict, std::string_view sentence, std::string_view id) {
  CHECK(sentence.size() <= kShownBytesMax + kSentenceBytesMax);
  std::string reason(sentence);
  if (!id.empty()) reason += " (id " + shown(id, kShownIdBytesMax) + ")";
  CHECK(reason.size() <= kReasonBytesMax);
  return {.verdict = verdict, .reason = std::move(reason)};
}

// Whether there is anything at all that they may send.
SenderDecision check_status(const SenderRights& rights, std::string_view id) {
  if (!rights.suspended()) return {};
  std::string sentence = "this account may not send at present";
  if (!rights.status_reason().empty()) sentence += ": " + shown(rights.status_reason(), kShownReasonBytesMax);
  return refused(SenderVerdict::suspended, sentence, id);
}

}  // namespace

bool SenderRights::suspended() const {
  return identity_ != nullptr && identity_->status() == auth::AccountStatus::suspended;
}

bool SenderRights::held() const { return identity_ != nullptr && identity_->status() == auth::AccountStatus::held; }

std::string_view SenderRights::status_reason() const {
  return identity_ != nullptr ? std::string_view(identity_->reason) : std::string_view();
}

bool SenderRights::any_domain() const { return network_ != nullptr && network_->any_domain; }

bool SenderRights::may_send_from(std::string_view domain) const {
  if (identity_ != nullptr) return identity_->may_send_from(domain);
  return network_->any_domain || (network_->domains != nullptr && network_->domains->covers(domain));
}

bool SenderRights::may_send_as(const Mailbox& sender) const {
  return identity_ != nullptr ? identity_->may_send_as(sender.local, sender.domain) : may_send_from(sender.domain);
}

std::string_view verdict_name(SenderVerdict verdict) {
  switch (verdict) {
    case SenderVerdict::allowed:
      return "allowed";
    case SenderVerdict::suspended:
      return "account_suspended";
    case SenderVerdict::reverse_path:
      return "sender_domain";
    case SenderVerdict::no_author:
      return "no_author";
    case SenderVerdict::several_authors:
      return "several_authors";
    case SenderVerdict::author:
      return "author_domain";
    case SenderVerdict::name_in_from:
      return "foreign_name";
    case SenderVerdict::sender_field:
      return "foreign_sender";
  }
  return "?";
}

SenderDecision check_reverse_path(const SenderRights& rights, const std::optional<Mailbox>& sender,
                                  std::string_view id) {
  if (SenderDecision status = check_status(rights, id); !status.allowed()) return status;
  if (!sender || rights.may_send_as(*sender)) return {};
  if (rights.may_send_from(sender->domain))
    return refused(SenderVerdict::reverse_path, "Sender address rejected: this login may not send as it", id);
  return refused(SenderVerdict::reverse_path,
                 "Sender address rejected: not owned by user; the domain " + shown_domain(sender->domain) +
                     " is not one that you may send from",
                 id);
}

SenderDecision check_authors(const SenderRights& rights, std::span<const Mailbox> authors, std::string_view id) {
  if (SenderDecision status = check_status(rights, id); !status.allowed()) return status;
  if (rights.any_domain()) return {};
  if (authors.empty()) return refused(SenderVerdict::no_author, "the From field names no author", id);
  if (authors.size() > 1) {
    return refused(SenderVerdict::several_authors, "the From field names more than one author", id);
  }
  const std::string_view domain = authors.front().domain;
  if (rights.may_send_as(authors.front())) return {};
  if (rights.may_send_from(domain))
    return refused(SenderVerdict::author, "this login may not send as the address in From", id);
  return refused(SenderVerdict::author, "From domain " + shown_domain(domain) + " is not one that you may send from",
                 id);
}

}  // namespace sluice::policy
