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

#include "engine/base/time.h"
#include "engine/smtp/client.h"

namespace sluice::relay {

enum class Lack : std::uint8_t {
  second_hello,  // EHLO behind a transaction is refused, or is answered late
  pipelining,
  chunking,
};
inline constexpr std::size_t kLacks = 3;

class HostMemory {
 public:
  static constexpr Duration kRemembered = std::chrono::hours(1);
  static constexpr std::size_t kHostsMax = 4096;  // past it, the one that would be forgotten first is forgotten

  // `host` is a label, "mx.example.net:25".
  void note(std::string_view host, Lack lack, Instant now);
  [[nodiscard]] bool lacks(std::string_view host, Lack lack, Instant now) const;
  // What remains of an offer.
  [[nodiscard]] smtp::Capabilities usable(std::string_view host, smtp::Capabilities offered, Instant now) const;
  [[nodiscard]] std::size_t hosts() const { return hosts_.size(); }

 private:
  struct Entry {
    std::array<Instant, kLacks> until{};
    [[nodiscard]] Instant last() const;
  };
  void make_room(Instant now);
  std::map<std::string, Entry, std::less<>> hosts_;
};

}  // namespace sluice::relay
