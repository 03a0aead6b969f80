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

  struct Room {
    std::uint32_t recipients = 0;  // as many as may be offered to the sink, of those that were asked for
    std::optional<policy::LimitReached> refused{};  // why there are not more
    bool slow = false;                              // a limit was passed that slows: the replies are to wait
  };
  // At RCPT: so many more, and with the first of them the message itself and what MAIL said of its size.
  Task<Room> recipients(std::uint32_t wanted, std::uint64_t size);
  // Of those: the sink has refused so many.
  void refused(std::uint32_t recipients);
  // Before the message is accepted: of its real size.  Why it must not be; nothing: it may.
  Task<std::optional<policy::LimitReached>> content(std::uint64_t bytes);
  // A limit was passed beyond which messages are held, and which one; empty: none was.
  [[nodiscard]] const std::string& hold_reason() const { return hold_reason_; }
  // It was accepted.
  void spend();
  void give_back_all();

 private:
  [[nodiscard]] std::uint64_t& of(policy::Quantity quantity) { return reserved_[static_cast<std::size_t>(quantity)]; }
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
