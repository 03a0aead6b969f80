#include "engine/session/admission.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::session {

Admission::~Admission() { CHECK(sessions_ == 0 && handshakes_ == 0 && turned_away_ == 0); }

Network Admission::block_of(const io::Address& client) const {
  return client_block(client.ip_bytes(), limits_.ipv6_bits);
}

bool Admission::is_contained(const io::Address& client) const {
  return std::ranges::any_of(contained_, [&](const Network& each) { return each.contains(client.ip_bytes()); });
}

Admission::Admitted Admission::session() {
  if (sessions_ >= limits_.sessions) return std::unexpected(EndReason::sessions_per_core);
  ++sessions_;
  return Place(*this, Kind::session, std::nullopt);
}

Admission::Admitted Admission::session_of(const io::Address& client) {
  const Network block = block_of(client);
  if (!sessions_by_block_.admit(block, limits_.sessions_per_address))
    return std::unexpected(EndReason::sessions_per_address);
  return Place(*this, Kind::session_of_address, block);
}

Admission::Admitted Admission::handshake(const io::Address* client) {
  if (handshakes_ >= limits_.handshakes) return std::unexpected(EndReason::handshakes_per_core);
  std::optional<Network> block;
  if (client != nullptr) {
    block = block_of(*client);
    if (!handshakes_by_block_.admit(*block, limits_.handshakes_per_address))
      return std::unexpected(EndReason::handshakes_per_address);
  }
  ++handshakes_;
  return Place(*this, Kind::handshake, block);
}

std::optional<Admission::Place> Admission::turn_away() {
  if (turned_away_ >= kTurnedAwayMax) return std::nullopt;
  ++turned_away_;
  return Place(*this, Kind::turned_away, std::nullopt);
}

void Admission::release(const Place& place) {
  switch (place.kind_) {
    case Kind::session:
      --sessions_;
      break;
    case Kind::session_of_address:
      sessions_by_block_.release(*place.block_);
      break;
    case Kind::handshake:
      --handshakes_;
      if (place.block_) handshakes_by_block_.release(*place.block_);
      break;
    case Kind::turned_away:
      --turned_away_;
      break;
  }
}

}  // namespace sluice::session
