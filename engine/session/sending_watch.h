// What the noticer (policy/noticing) is shown of a login's messages, and what it decides.  Core thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.h"
#include "engine/base/buffer.h"
#include "engine/message/envelope.h"
#include "engine/session/observer.h"
#include "engine/smtp/reply.h"
#include "policy/noticing/account_watch.h"

namespace sluice::session {

// A login that is watched.  Made by its session, which keeps what it refers to.
struct WatchedLogin {
  noticing::AccountWatch* watch = nullptr;
  const noticing::WatchedClass* by = nullptr;
  auth::IdentityRef identity;
  std::string client;
  std::string network;  // the client's, as the noticer counts networks
  noticing::CountryCode country{};
  std::uint32_t failures_before = 0;

  // Whether that is an address in one of the customer's own domains.
  [[nodiscard]] bool inside(std::string_view forward_path) const;
  [[nodiscard]] noticing::Step step(Instant now) const { return watch->step(identity->account_name, *by, now); }
};
// 550 5.7.1 for what an account at step suspend wants to send.  `policy_url`: may be empty.
[[nodiscard]] smtp::Reply suspended_as_bulk(std::string_view policy_url);
// A client's network, as the noticer counts networks.
[[nodiscard]] std::string noticed_network(std::span<const std::uint8_t> client_ip);

// Of one transaction.  `login`: null, nothing is watched.
class SendingWatch {
 public:
  explicit SendingWatch(const WatchedLogin* login) : login_(login) {}

  [[nodiscard]] bool on() const { return login_ != nullptr; }
  // Before the first recipient is answered.
  void open(Instant now) { step_ = login_->step(now); }
  // Whether a recipient is refused, as the account may not send.
  [[nodiscard]] bool bars(std::string_view forward_path) const {
    return step_ == noticing::Step::suspend && !login_->inside(forward_path);
  }
  // Which of these the account writes to for the first time: none in the customer's own domains, and of the others
  // those that it does not know.  Where nobody is watched no recipient is known.
  [[nodiscard]] std::vector<bool> first_time(std::span<const message::Recipient> recipients) const;
  // Before the content is asked for.
  [[nodiscard]] noticing::Turn turn(std::uint32_t recipients, Instant now) const;
  // A next hop has refused a recipient while the client waited.
  void refused(std::string_view forward_path, const smtp::Reply& reply, std::string_view id, Instant now,
               Observer& observer) const;
  // Content behind the header: what comes of it behind `skipped` bytes.
  void content(const Chain& bytes, std::size_t skipped);

  struct Decision {
    noticing::Step step = noticing::Step::pass;  // that is taken
    std::string reason;                          // of hold and suspend
  };
  // All of the message has come, and it may go on so far.  `accepted`: which of its recipients the sink has taken. What
  // is raised is told to `observer`.
  [[nodiscard]] Decision decide(const message::Envelope& envelope, const std::vector<bool>& accepted,
                                bool list_unsubscribe, Instant now, Observer& observer);

 private:
  void tell(const noticing::Notice& notice, std::string_view id, Observer& observer) const;

  const WatchedLogin* login_;
  noticing::Step step_ = noticing::Step::pass;
  std::unique_ptr<noticing::TextSketcher> sketcher_;
};

}  // namespace sluice::session
