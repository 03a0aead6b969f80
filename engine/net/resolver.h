// Addresses of the next hops that routes name, kept for a while: a core never waits for a name that it looked up a
// moment ago, and goes on with the last answer while the name service fails or has lost the name.
//
// A name with a dot in it is absolute: the hosts file, then the name servers that MX hosts are asked of ([dns]
// servers, or the system's).  No search list applies, so that mail never goes to a host of another name.  A name
// without a dot is the system's own affair: its resolver, with its search list. One per core; that core's thread only.
// Must outlive all callers of look_up().
#pragma once

#include <expected>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/task.h"
#include "engine/base/time.h"
#include "engine/io/core_dns.h"
#include "engine/io/loop.h"
#include "engine/io/names.h"

namespace sluice::net {

class Resolver {
 public:
  using Addresses = std::vector<io::Address>;
  using Found = std::expected<Addresses, std::string>;
  // The system's resolver tells no time to live; this is ours, and the longest for DNS, too.
  static constexpr Duration kKeep = std::chrono::minutes(1);
  static constexpr Duration kKeepMin = std::chrono::seconds(1);
  static constexpr Duration kDnsTimeout = std::chrono::seconds(30);

  // `names` and `dns` are thread-safe and outlive this.
  Resolver(io::Loop& loop, io::Names& names, io::Dns& dns) : loop_(loop), names_(names), dns_(loop, dns, kDnsTimeout) {}

  // `host`: a name or an address without brackets.  IPv6 addresses come first.  The error is a sentence, and always
  // about now: a configured name that is gone may come back.
  Task<Found> look_up(std::string host, std::uint16_t port);

 private:
  struct Known {
    Addresses addresses;
    Instant until;
  };
  Task<Found> ask(const std::string& host, std::uint16_t port, Duration& keep);
  Task<Found> ask_dns(const std::string& host, std::uint16_t port, Duration& keep);

  io::Loop& loop_;
  io::Names& names_;
  io::CoreDns dns_;
  std::unordered_map<std::string, Known> known_;  // "host:port"; the hosts of configured routes
};

}  // namespace sluice::net
