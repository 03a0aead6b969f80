// What next hops were found unable to do, whatever they offer: remembered by host for a while, so that the same
// mistake is not made with every message.
// One per core, shared by its pools; that core's thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/destination_orders.h"
#include "engine/base/time.h"
#include "engine/smtp/client.h"

namespace sluice::hop {

enum class Lack : std::uint8_t {
  tls,           // STARTTLS is offered, and the handshake fails
  second_hello,  // EHLO behind a transaction is refused, or is answered late
  last_word,     // nothing is answered behind a message: it closes, or is silent
  pipelining,    // commands that were not waited for are not answered, or too often
  chunking,      // BDAT is not known, or not answered
  parameters,    // SIZE, RET, ENVID, NOTIFY, ORCPT and AUTH are refused
  bodies,        // BODY and SMTPUTF8 are
};
inline constexpr std::size_t kLacks = 7;
[[nodiscard]] std::string_view lack_text(Lack lack);

// What remains of an offer without it.
[[nodiscard]] smtp::Capabilities without(smtp::Capabilities offered, Lack lack);

class HostMemory {
 public:
  static constexpr Duration kRemembered = std::chrono::hours(1);
  static constexpr std::size_t kHostsMax = 4096;  // past it, the one that would be forgotten first is forgotten

  // For the log; called when it was not remembered already.
  using OnNote = std::function<void(std::string_view host, Lack lack, std::string_view why)>;
  explicit HostMemory(OnNote on_note = {}) : on_note_(std::move(on_note)) {}

  // `host` is a label, "mx.example.net:25".
  void note(std::string_view host, Lack lack, std::string_view why, Instant now);
  [[nodiscard]] bool lacks(std::string_view host, Lack lack, Instant now) const;
  // The operator's orders of now: they are about hosts, too.
  void set_orders(DestinationOrders::Snapshot orders) { orders_ = std::move(orders); }
  [[nodiscard]] const DestinationOrders& orders() const { return *orders_; }
  // What remains of an offer.
  [[nodiscard]] smtp::Capabilities usable(std::string_view host, smtp::Capabilities offered, Instant now) const;
  [[nodiscard]] std::size_t hosts() const { return hosts_.size(); }
  // How often on_note was called for it.
  [[nodiscard]] std::uint64_t noted(Lack lack) const { return noted_[static_cast<std::size_t>(lack)]; }
  [[nodiscard]] std::uint64_t noted_beside(Lack lack) const;

 private:
  struct Entry {
    std::array<Instant, kLacks> until{};
    [[nodiscard]] Instant last() const;
  };
  void make_room(Instant now);

  OnNote on_note_;
  std::map<std::string, Entry, std::less<>> hosts_;
  std::array<std::uint64_t, kLacks> noted_{};
  DestinationOrders::Snapshot orders_ = std::make_shared<const DestinationOrders>();
};

}  // namespace sluice::hop
