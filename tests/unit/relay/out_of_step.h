// Worlds in which a next hop says too much, too little, too early, too late, glued together or in parts, and a ledger
// beside the relay: what the next hop means to deliver is compared with what the relay believes of each message.
// One world per seed, for each way of sending, on new and on kept connections.  Owned by one test; its thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/relay/memory_writer.h"
#include "tests/unit/relay/sending.h"

namespace sluice::relay {

enum class Excess : std::uint8_t { much, little, both };  // what such a next hop does wrong

// How a message gets from the relay to the next hop.
enum class Sender : std::uint8_t {
  late,   // cut-through, the dialog begins when the content is there
  eager,  // cut-through, each recipient is asked of the next hop at once
  queue,  // from the spool
  naive,  // a client of the test's own that takes each reply for that of the next command: what must be found out
};

struct Findings {
  std::size_t taken = 0;                 // recipients: believed to be with the next hop
  std::size_t kept = 0;                  // to be tried again
  std::size_t refused = 0;               // told to the client, or reported
  std::size_t doubled = 0;               // with the next hop, and kept or refused all the same
  std::vector<std::string> lost;         // believed to be with the next hop, which does not have it
  std::vector<std::string> unexplained;  // kept, refused or sent twice although the next hop did nothing wrong

  void add(const Findings& other);
};

struct OutOfStepOptions {
  Manner manner = kManners[0];
  Sender sender = Sender::late;
  Excess excess = Excess::much;
  bool large = false;  // content that is streamed
};

// Plays the world of `seed`.
Findings play_out_of_step(std::uint64_t seed, const OutOfStepOptions& options);

// Compares what is believed of the recipients of a message with content `text` with the next hops' ledgers.
// `blameless`: the next hop did nothing wrong up to now.
void compare_with_ledger(const Fixture& fixture, const message::Envelope& envelope, std::string_view text,
                         const std::vector<Kind>& believed, bool blameless, Findings& findings);

}  // namespace sluice::relay
