// Whether an address is free for us alone.  Our listeners share their port with SO_REUSEPORT, one socket a core, and
// the kernel would let any process of the same user join them and take a part of the connections: before they are
// bound, and afterwards as long as every socket there allows it. Blocking; at start-up, and for a check of the
// configuration.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "engine/io/address.h"
#include "engine/io/descriptor.h"

namespace sluice::io {

// Holds an address against all other processes, while our own sockets are bound to it and from then on.
class PortClaim {
 public:
  // Fails where any process listens there, on a wildcard as well.  A process that has just been killed is waited for:
  // the kernel closes the sockets of its rings after it is gone.  The error is a sentence: why, and whose it is.
  static std::expected<PortClaim, std::string> claim(const Address& address);

  // Once all of ours listen: nothing else can be bound to the address as long as this lives, nor to one that covers it
  // or that it covers, whatever the user and SO_REUSEPORT.  Takes no connections from then on.
  void refuse_others();

 private:
  PortClaim(Address address, int socket) : address_(address), socket_(socket) {}
  Address address_;
  Descriptor socket_;
};

// A process that listens; nothing of it is known where the kernel does not tell us.
struct ListeningProcess {
  std::uint32_t number = 0;
  std::string text;  // "exim4 (process 812)"
};
ListeningProcess listener_at(const Address& address);

// Why a process could not listen at an address now.
struct AddressFault {
  std::string sentence;     // empty: it can
  bool in_use = false;      // and not an address of another machine, or one that needs a privilege
  ListeningProcess holder;  // then, perhaps
};
AddressFault address_fault(const Address& address);

}  // namespace sluice::io
