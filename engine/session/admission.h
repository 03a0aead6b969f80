// The bounds that the sessions of a core share: how many there are, how many are in an unfinished TLS handshake, and
// how many of either one client address has (base/client_block.h says what counts as one).  What is admitted holds
// a Place, and gives it back by dropping it.
// One per core; that core's thread only.  Outlives its places.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/client_block.h"
#include "engine/base/network.h"
#include "engine/io/address.h"
#include "engine/session/end_reason.h"

namespace sluice::session {

struct AdmissionLimits {
  std::uint32_t sessions = 20'000;
  std::uint32_t sessions_per_address = 200;
  std::uint32_t handshakes = 5'000;
  std::uint32_t handshakes_per_address = 50;
  unsigned ipv6_bits = kIpv6BlockBitsDefault;
};

class Admission {
 public:
  // Of those that are refused so many at a time get a 421; others are closed without a reply.
  static constexpr std::uint32_t kTurnedAwayMax = 256;

  enum class Kind : std::uint8_t { session, session_of_address, handshake, turned_away };
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), kind_(other.kind_), block_(other.block_) {}
    Place& operator=(Place&& other) noexcept {
      give_back();
      owner_ = std::exchange(other.owner_, nullptr);
      kind_ = other.kind_;
      block_ = other.block_;
      return *this;
    }
    ~Place() { give_back(); }
    void give_back() {
      if (owner_ != nullptr) std::exchange(owner_, nullptr)->release(*this);
    }

   private:
    friend class Admission;
    Place(Admission& owner, Kind kind, std::optional<Network> block) : owner_(&owner), kind_(kind), block_(block) {}
    Admission* owner_ = nullptr;
    Kind kind_ = Kind::session;
    std::optional<Network> block_;  // that it counts for; none: for no address
  };
  using Admitted = std::expected<Place, EndReason>;

  Admission() = default;
  ~Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // From now on; sessions that were admitted stay.
  void set_limits(const AdmissionLimits& limits) { limits_ = limits; }
  [[nodiscard]] const AdmissionLimits& limits() const { return limits_; }

  // No session from these networks.  Those that are open stay.
  void set_contained(std::vector<Network> networks) { contained_ = std::move(networks); }
  [[nodiscard]] bool is_contained(const io::Address& client) const;

  [[nodiscard]] Admitted session();
  [[nodiscard]] Admitted session_of(const io::Address& client);
  // Null: of a client that does not count by its address.
  [[nodiscard]] Admitted handshake(const io::Address* client);
  // Nothing: too many are being refused already.
  [[nodiscard]] std::optional<Place> turn_away();

  // What counts as one address.
  [[nodiscard]] Network block_of(const io::Address& client) const;
  [[nodiscard]] std::uint32_t sessions() const { return sessions_; }
  [[nodiscard]] std::uint32_t handshakes() const { return handshakes_; }

 private:
  void release(const Place& place);

  AdmissionLimits limits_;
  std::vector<Network> contained_;
  std::uint32_t sessions_ = 0;
  std::uint32_t handshakes_ = 0;
  std::uint32_t turned_away_ = 0;
  CountByBlock sessions_by_block_;
  CountByBlock handshakes_by_block_;
};

}  // namespace sluice::session
