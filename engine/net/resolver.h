// Addresses of next hops, kept for a while: a core never waits for a name that it looked up a moment ago,
// and goes on with the old answer while the name service is away.
// One per core; that core's thread only.
#pragma once

#include <expected>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/task.h"
#include "engine/base/time.h"
#include "engine/io/loop.h"
#include "engine/io/names.h"

namespace sluice::net {

class Resolver {
 public:
  using Addresses = std::vector<io::Address>;
  // The system's resolver tells no time to live; this is ours.
  static constexpr Duration kKeep = std::chrono::minutes(1);

  // `names` is thread-safe and outlives this.
  Resolver(io::Loop& loop, io::Names& names) : loop_(loop), names_(names) {}

  // `host`: a name or an address without brackets.  The error is a sentence.
  Task<std::expected<Addresses, std::string>> look_up(std::string host, std::uint16_t port);

 private:
  struct Known {
    Addresses addresses;
    Instant until;
  };
  io::Loop& loop_;
  io::Names& names_;
  std::unordered_map<std::string, Known> known_;  // "host:port"; the hosts of configured routes
};

}  // namespace sluice::net
