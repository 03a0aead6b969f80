// The keys that session tickets are sealed with.  All cores of a process start from the same secret
// and step the keys by the clock alone, so that a client may come back to any core and no core
// tells another anything; a step cannot be undone, so a key that has been forgotten is gone. One
// object per core; that core's thread only.  RFC 5077 section 5.5, RFC 8446 section 4.6.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/base/time.h"
#include "engine/io/platform.h"

namespace sluice::tls {

inline constexpr Duration kTicketKeyLife = std::chrono::hours(6);
// A ticket is good while its key is the current or the previous one.
inline constexpr Duration kTicketLifeMin = kTicketKeyLife;

using TicketSecret = std::array<std::byte, 32>;
TicketSecret make_ticket_secret(io::Random& random);

class TicketKeys {
 public:
  static constexpr std::size_t kNameBytes = 16;
  static constexpr std::size_t kIvBytes = 16;   // 12 are used
  static constexpr std::size_t kTagBytes = 32;  // 16 are used

  TicketKeys(const TicketSecret& secret, io::Clock& clock, io::Random& random);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  enum class Opened : std::uint8_t { refused, good, good_but_renew };

  // Encrypts `ticket` in place.  `bound_to` is authenticated and not stored: the same must be given
  // to open it.
  bool seal(std::string_view bound_to, std::span<std::byte> ticket, std::span<std::byte, kNameBytes> name,
            std::span<std::byte, kIvBytes> iv, std::span<std::byte, kTagBytes> tag);
  Opened open(std::string_view bound_to, std::span<std::byte> ticket, std::span<const std::byte, kNameBytes> name,
              std::span<const std::byte, kIvBytes> iv, std::span<const std::byte, kTagBytes> tag);

 private:
  struct Key {
    std::array<std::byte, kNameBytes> name{};
    std::array<std::byte, 32> key{};
  };
  void step();
  void derive(Key& key) const;

  io::Clock& clock_;
  io::Random& random_;
  std::int64_t epoch_ = 0;
  TicketSecret chain_;
  Key current_;
  std::optional<Key> previous_;
};

}  // namespace sluice::tls
