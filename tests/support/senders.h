// Clients that each live from a seed: they send honest and dishonest messages in pieces of any size, and note which of
// them were answered with 250.
// Owned by one test; its loop's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/net/connection.h"
#include "tests/sim/world.h"

namespace sluice::testing {

enum class SentKind : std::uint8_t { honest, foreign_sender, foreign_author, bare_line_end, half };

struct Sent {
  SentKind kind;
  std::string body;    // from the first header line on
  bool taken = false;  // the client has heard 250
};

// Logs in as ann@example.com, and writes to bob@example.net.
class Sender {
 public:
  Sender(io::Loop& loop, io::Address relay, std::uint64_t seed, int number)
      : loop_(loop), relay_(relay), random_(seed), number_(number) {}

  // One session; a sender may have several, one after another.
  Task<void> run();

  std::vector<Sent> sent;

 private:
  Task<bool> message();
  Sent compose();
  Task<void> write(std::string text);
  Task<int> ask(std::string text);

  io::Loop& loop_;
  io::Address relay_;
  sim::SimRandom random_;
  int number_;
  std::unique_ptr<net::Connection> connection_;
  std::string heard_;
};

// Receives and sends that fail, connections that break.
void break_network(sim::SimWorld& world, sim::SimRandom& random);

}  // namespace sluice::testing
