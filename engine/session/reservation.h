// What one transaction has reserved of its submitter's limits: taken step by step, then spent with the message's 250,
// or given back.  Owned by a transaction; core thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/smtp/reply.h"
#include "policy/submission_limits.h"

namespace sluice::session {

class Reservation {
 public:
  // Null: nothing is limited.
  explicit Reservation(std::shared_ptr<policy::Submitter> submitter) : submitter_(std::move(submitter)) {}
  ~Reservation() { give_back_all(); }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  [[nodiscard]] bool limited() const { return submitter_ != nullptr; }
  // Whether it matters which recipients are first-time ones.
  [[nodiscard]] bool limits_first_time() const {
    return limited() && submitter_->limits(policy::Quantity::first_time_recipients);
  }

  struct Room {
    std::uint32_t recipients = 0;                   // as many may go on, of those that were asked for
    std::optional<policy::LimitReached> refused{};  // why there are not more
  };
  // At RCPT, before recipients(): so many of them are first-time recipients.
  Task<Room> first_time_recipients(std::uint32_t wanted, std::uint64_t size);
  // At RCPT: so many more, and with the first of them the message itself and what MAIL said of its size.
  Task<Room> recipients(std::uint32_t wanted, std::uint64_t size);
  // A limit was passed that slows, since this was asked last: the replies are to wait.
  [[nodiscard]] bool take_slow() { return std::exchange(slow_, false); }
  // Of first-time recipients: so many are not taken.
  void refused_first_time(std::uint32_t recipients);
  // Of recipients: the sink has refused so many.
  void refused(std::uint32_t recipients);
  // Before the message is accepted: of its real size.  Why it must not be; nothing: it may.
  Task<std::optional<policy::LimitReached>> content(std::uint64_t bytes);
  // A limit was passed beyond which messages are held, and which one; empty: none was.
  [[nodiscard]] const std::string& hold_reason() const { return hold_reason_; }
  // Its recipients are known from now on, whatever becomes of it: the next message to them counts none of them.
  void spend_first_time() { spend(policy::Quantity::first_time_recipients); }
  // It was accepted.
  void spend();
  void give_back_all();

 private:
  [[nodiscard]] std::uint64_t& of(policy::Quantity quantity) { return reserved_[static_cast<std::size_t>(quantity)]; }
  Task<std::optional<policy::LimitReached>> take_message(std::uint64_t size);
  Task<Room> take_recipients(policy::Quantity quantity, std::uint32_t wanted, std::uint64_t size);
  void give_back(policy::Quantity quantity, std::uint64_t amount);
  void spend(policy::Quantity quantity);
  Task<std::optional<policy::LimitReached>> take(policy::Quantity quantity, std::uint64_t amount);

  std::shared_ptr<policy::Submitter> submitter_;
  std::array<std::uint64_t, policy::kQuantities> reserved_{};
  bool slow_ = false;  // since the last answer
  std::string hold_reason_;
};

// For the client: which limit it is, how much it allows, and when there is room again; 550 5.7.1, or 451 4.7.1 where
// the limit says that the client may try again.  `policy_url`: may be empty.
[[nodiscard]] smtp::Reply limit_refusal(const policy::LimitReached& limit, std::string_view policy_url);

}  // namespace sluice::session
