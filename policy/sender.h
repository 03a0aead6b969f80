// Who may send as whom: the envelope's reverse-path and the author in the header (RFC 6409
// section 6.1). Pure functions over values; any thread. The session gives 550 5.7.1 with the reason of a refusal.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/identity.h"

namespace sluice::policy {

// What becomes of a Sender, Resent-From or Resent-Sender field that is not the submitter's.
enum class ForeignSender : std::uint8_t { refuse, drop };
// What becomes of a message in whose From the name or a comment shows an address that is not the submitter's.
enum class ForeignName : std::uint8_t {
  refuse,
  mark,  // it goes on with a field that says so
  allow,
};

// An address, already parsed by its reader; the views are the caller's.
struct Mailbox {
  std::string_view local;
  std::string_view domain;
};

// A network whose hosts submit without login (a configured listener or address range).
struct TrustedNetwork {
  std::string name;
  bool any_domain = false;
  std::shared_ptr<const auth::DomainList> domains;  // not looked at if any_domain
  std::string listener;                             // that it is trusted by: the subject of its limits
  std::string policy_class;                         // whose limits of networks count for it; empty: none
};

// What a submitter may do: views into an Identity or a TrustedNetwork, valid as long as that.
class SenderRights {
 public:
  explicit SenderRights(const auth::Identity& identity) : identity_(&identity) {}
  explicit SenderRights(const TrustedNetwork& network) : network_(&network) {}
  // The session keeps these; a temporary would leave us with nothing.
  explicit SenderRights(auth::Identity&&) = delete;
  explicit SenderRights(TrustedNetwork&&) = delete;

  [[nodiscard]] bool suspended() const;
  // What it sends is accepted, and held until the operator has looked at it.
  [[nodiscard]] bool held() const;
  // Why the account is suspended or held, as the operator has said it; may be empty.
  [[nodiscard]] std::string_view status_reason() const;
  [[nodiscard]] bool any_domain() const;
  // By the domain alone; an address has to pass may_send_as() as well, as a login may be bound to addresses.
  [[nodiscard]] bool may_send_from(std::string_view domain) const;
  [[nodiscard]] bool may_send_as(const Mailbox& sender) const;

 private:
  const auth::Identity* identity_ = nullptr;
  const TrustedNetwork* network_ = nullptr;
};

enum class SenderVerdict : std::uint8_t {
  allowed,
  suspended,        // the identity says so: a session that outlived the suspension
  reverse_path,     // the envelope sender's domain is not the customer's
  no_author,        // no From field with an address
  several_authors,  // more than one: no single domain answers for the message
  author,           // the author's domain is not the customer's
  name_in_from,     // the name in From shows an address that is not the customer's
  sender_field,     // Sender, Resent-From or Resent-Sender, likewise
};

// For the log: "sender_domain".
[[nodiscard]] std::string_view verdict_name(SenderVerdict verdict);

struct SenderDecision {
  SenderVerdict verdict = SenderVerdict::allowed;
  std::string reason;  // for a refusal: printable ASCII, at most kReasonBytesMax, no enhanced code

  [[nodiscard]] bool allowed() const { return verdict == SenderVerdict::allowed; }
};

inline constexpr std::size_t kReasonBytesMax = 400;

// At MAIL. No mailbox is the null reverse-path "<>", which everyone may use: mail programs send
// disposition notifications with it (RFC 8098 section 3), and the author is still checked. `id` is
// what the operator can be asked about.
[[nodiscard]] SenderDecision check_reverse_path(const SenderRights& rights, const std::optional<Mailbox>& sender,
                                                std::string_view id);

// When the header is complete. `authors` are the mailboxes of the From field. A network that may
// use any domain is asked for nothing.
[[nodiscard]] SenderDecision check_authors(const SenderRights& rights, std::span<const Mailbox> authors,
                                           std::string_view id);

}  // namespace sluice::policy
